import { type Book, type Installation, isOvertaken, type Task } from './book.js';
import type { Clock } from './clock.js';
import { Refused } from './failures.js';
import type { Habits, Settings } from './habits.js';
import type { Journal } from './journal.js';
import type { Talkdesk } from './talkdesk.js';
import type { Tokens } from './tokens.js';

/** What became of a task. */
export interface Done {
  outcome: string;
  settings?: Settings;
}

/** What settling a task needs. */
export interface LifecycleDeps {
  habits: Habits;
  journal: Journal;
  book: Book;
  clock: Clock;
  tokens: Tokens;
  talkdesk: Talkdesk;
  /** How long Talkdesk waits for an answer (talkdesk-api.md 7.1). */
  windowMs: number;
}

/** An uninstall whose credentials are refused this often has ended without us (talkdesk-api.md 7.2). */
const deadAfterTries = 3;

/** One attempt at a task. @throws what Talkdesk's API answered, for the caller to try again or give up */
export function createLifecycle(deps: LifecycleDeps): (installation: Installation, task: Task) => Promise<Done> {
  const { habits, journal, book, clock, tokens, talkdesk, windowMs } = deps;

  async function rotate(installation: Installation, { event }: Task): Promise<Done> {
    const newest = installation.credentials.at(-1);
    if (newest === undefined) return { outcome: 'the installation is gone' };
    if (newest.createdAt > event.createdAt) return { outcome: 'rotated again' };
    await talkdesk.acknowledge(installation, newest.clientId);
    installation.credentials = [newest];
    return { outcome: 'acknowledged' };
  }

  async function answer(installation: Installation, task: Task): Promise<Done> {
    const { event } = task;
    const isUninstall = event.type === 'app.uninstalled';
    if (!habits.expectsApproval(event.type)) return { outcome: 'nothing to answer' };
    if (isOvertaken(installation, event)) return { outcome: 'overtaken by a newer event' };
    if (!isUninstall && clock.now() >= event.createdAt + windowMs) return { outcome: 'expired' };
    if (task.attempted && (await isDecided(installation, task))) return { outcome: 'approved by an earlier attempt' };
    const read = () => talkdesk.readSettings(installation);
    const settings = isUninstall ? null : await habits.settingsAfter(event, installation.settings, read);
    // Here a product would be told; meanwhile the customer may have changed his mind.
    if (isOvertaken(installation, event)) return { outcome: 'overtaken by a newer event' };
    const attempted = { task: task.number, attempted: true as const };
    await journal.append(attempted);
    book.apply(attempted);
    await talkdesk.approve(installation, isUninstall ? 'access ended' : 'provisioned');
    if (isUninstall) await habits.afterUninstall(() => talkdesk.approve(installation, 'provisioned'));
    return { outcome: 'approved', ...(settings === null ? {} : { settings }) };
  }

  /** After an attempt whose answer was lost: whether it took effect all the same. */
  async function isDecided(installation: Installation, { event }: Task): Promise<boolean> {
    const { state, since } = await talkdesk.readState(installation);
    if (event.type === 'app.uninstalled') return state === 'revoked';
    if (['approve', 'completed'].includes(state)) return since >= event.createdAt;
    return ['reject', 'rejected', 'timeout', 'failed', 'revoked'].includes(state);
  }

  return async (installation, task) => {
    const { type } = task.event;
    try {
      const done = await (type === 'app.credentials_rotated' ? rotate : answer)(installation, task);
      if (type === 'app.uninstalled') tokens.forget(installation);
      return done;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status === 404) return { outcome: 'the installation is gone' };
      const isDead = error.status === 401 && task.tries + 1 >= deadAfterTries;
      if (type === 'app.uninstalled' && isDead) return { outcome: 'the credentials are gone' };
      throw error;
    }
  };
}
