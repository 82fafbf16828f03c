import { readFile, rename, writeFile } from 'node:fs/promises';

/** A user of an account. Suspended rather than deleted, so that the id stays. */
export interface User {
  id: string;
  email: string | null;
  name: string | null;
  admin: boolean;
  active: boolean;
  /** Place in the order in which the users came. */
  number: number;
}

/** A tenant's account. A closed one is kept for the next installation. */
export interface Account {
  id: string;
  name: string;
  planName: string | null;
  licenses: number | null;
  status: 'active' | 'suspended' | 'closed';
  generation: number;
  /** By Talkdesk user id. */
  users: Map<string, User>;
}

/** Everything that this product remembers. Maps, because ids may be the names of object members. */
export interface State {
  /** By tenant. */
  accounts: Map<string, Account>;
  /** By idempotency key: what was answered, once and for all. */
  answers: Map<string, object>;
  /** By tenant: the newest generation seen. */
  generations: Map<string, number>;
  /** Processes that were undone, with their tenant. */
  undone: Set<string>;
  /** By idempotency key: when pending work is over, milliseconds since the epoch. */
  readyAtMs: Map<string, number>;
}

/** The state and the way to keep it. */
export interface Book {
  state: State;
  /** Writes the state down; returns once everything that was there at the call is on disk. */
  save(): Promise<void>;
}

/**
 * Opens the book: from the file if there is one, else empty. Without a file it lives in memory only.
 *
 * @throws when the file cannot be read, or holds something else
 */
export async function openBook(file: string | undefined): Promise<Book> {
  const state = file === undefined ? parse('{}') : parse(await textOf(file));
  let writing: Promise<void> = Promise.resolve();
  let waiting: Promise<void> | null = null;

  async function write(path: string): Promise<void> {
    await writing.catch(() => undefined);
    waiting = null;
    const text = JSON.stringify(state, (_name, value) =>
      value instanceof Map || value instanceof Set ? [...value] : value,
    );
    writing = writeFile(`${path}.new`, text).then(() => rename(`${path}.new`, path));
    await writing;
  }

  return {
    state,
    async save() {
      if (file === undefined) return;
      // All calls that come while one write is under way share the next one.
      waiting ??= write(file);
      await waiting;
    },
  };
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '{}';
    throw error;
  }
}

function parse(text: string): State {
  const saved = JSON.parse(text) as {
    accounts?: [string, Omit<Account, 'users'> & { users: [string, User][] }][];
    answers?: [string, object][];
    generations?: [string, number][];
    undone?: string[];
    readyAtMs?: [string, number][];
  };
  return {
    accounts: new Map(
      (saved.accounts ?? []).map(([tenant, account]) => [tenant, { ...account, users: new Map(account.users) }]),
    ),
    answers: new Map(saved.answers),
    generations: new Map(saved.generations),
    undone: new Set(saved.undone),
    readyAtMs: new Map(saved.readyAtMs),
  };
}
