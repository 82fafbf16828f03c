import { type Credentials, credentialsOf, type LifecycleEvent } from './event.js';
import type { Settings } from './habits.js';

/** Work that an event asks for. */
export interface Task {
  readonly number: number;
  readonly event: LifecycleEvent;
  /** A decision may have been sent: what became of it must be read before another one is. */
  attempted: boolean;
  tries: number;
  dueAt: number;
}

/** One installation, its credentials, and the tasks that are open. */
export interface Installation {
  readonly id: string;
  readonly appId: string;
  root: string;
  tokenUrl: string | undefined;
  /** Oldest first; the newest is used. */
  credentials: Credentials[];
  settings: Settings | null;
  /** The newest install, update or uninstall: earlier ones are settled by its answer, Talkdesk has one answer only. */
  newest: LifecycleEvent | null;
  /** When the uninstall was made that has been approved. */
  goneAt: number;
  /** No call before this time: Talkdesk asked for it. */
  restUntil: number;
  tasks: Task[];
}

/** What the journal's lines say, each in one of these forms. */
export type Entry =
  | { task: number; event: LifecycleEvent }
  | { task: number; attempted: true }
  | { task: number; done: string; settings?: Settings }
  | { unusable: string };

/** The types in the order in which they follow each other when their times are the same second. */
const processTypes = ['app.installed', 'app.updated', 'app.uninstalled'];
const workTypes = [...processTypes, 'app.credentials_rotated'];

/** Everything that the backend knows, as the journal tells it. */
export function createBook() {
  const installations = new Map<string, Installation>();
  const places = new Map<number, Installation>();
  let lastTask = 0;

  function installationOf({ appId, installationId: id, root }: LifecycleEvent): Installation {
    const known = installations.get(id);
    if (known !== undefined) return known;
    const fresh = { tokenUrl: undefined, settings: null, newest: null, goneAt: 0, restUntil: 0 };
    const installation: Installation = { id, appId, root, credentials: [], tasks: [], ...fresh };
    installations.set(id, installation);
    return installation;
  }

  function takeCredentials(installation: Installation, event: LifecycleEvent): void {
    const credentials = credentialsOf(event);
    if (credentials === null || event.createdAt < installation.goneAt) return;
    installation.root = event.root;
    installation.tokenUrl = event.tokenUrl ?? installation.tokenUrl;
    installation.credentials = [...installation.credentials, credentials].sort((a, b) => a.createdAt - b.createdAt);
    // What the old credentials could not do, these may.
    for (const task of installation.tasks) task.dueAt = 0;
  }

  function apply(entry: Entry): Installation | undefined {
    if ('unusable' in entry) return undefined;
    if ('event' in entry) {
      const { event, task: number } = entry;
      lastTask = Math.max(lastTask, number);
      const installation = installationOf(event);
      places.set(number, installation);
      takeCredentials(installation, event);
      if (processTypes.includes(event.type) && !isOvertaken(installation, event)) installation.newest = event;
      if (workTypes.includes(event.type)) {
        installation.tasks.push({ number, event, attempted: false, tries: 0, dueAt: 0 });
      }
      return installation;
    }
    const installation = places.get(entry.task);
    const task = installation?.tasks.find(({ number }) => number === entry.task);
    if (installation === undefined || task === undefined) return undefined;
    if ('attempted' in entry) task.attempted = true;
    else settle(installation, task, entry.settings);
    return installation;
  }

  function settle(installation: Installation, task: Task, settings: Settings | undefined): void {
    installation.tasks = installation.tasks.filter((open) => open !== task);
    if (settings !== undefined) installation.settings = settings;
    if (task.event.type !== 'app.uninstalled' || isOvertaken(installation, task.event)) return;
    installation.goneAt = task.event.createdAt;
    installation.credentials = [];
  }

  return { apply, installations, nextTask: () => ++lastTask };
}

export type Book = ReturnType<typeof createBook>;

/** Whether a newer event asks for the one answer that there is. */
export function isOvertaken({ newest }: Installation, event: LifecycleEvent): boolean {
  if (newest === null || newest.createdAt < event.createdAt) return false;
  return newest.createdAt > event.createdAt || processTypes.indexOf(newest.type) > processTypes.indexOf(event.type);
}
