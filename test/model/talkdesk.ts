import type { EventRef, KnownEventType } from '../../contracts/events.js';

/** An installation's state, in Talkdesk's words (talkdesk-api.md 4.4). */
export type RemoteWord = 'installing' | 'completed' | 'updating' | 'uninstalled' | 'revoked' | 'rejected' | 'timeout';

/** A delivery as the account's Talkdesk makes it: what the store may read of its body besides the envelope. */
export interface ModelEvent extends EventRef {
  type: KnownEventType;
  installationId: string;
  /** The set delivered with an `app.installed` or `app.credentials_rotated`. */
  clientId: string | null;
  endedReason: 'trial_expired' | 'plan_upgraded' | 'app_uninstalled' | null;
}

export interface RemoteInstallation {
  id: string;
  /** `created_at` of its newest `app.installed`: names its generation. */
  installedAtMs: number;
  word: RemoteWord;
  /** When what waits for an answer began. */
  pendingSinceMs: number;
  /** Licensed users as they are read, and as they were before the update that waits. */
  users: string[];
  usersInForce: string[];
  paid: boolean;
  trial: 'none' | 'active' | 'ended';
  clients: { clientId: string; diesAtMs: number }[];
  /** It came back under an id that was known before, and that install has not been answered. */
  unansweredReturn: boolean;
}

/** What an administrator, Talkdesk's staff or its clockwork does. Each is skipped where Talkdesk would not let it happen. */
export const ADMIN_ACTIONS = [
  'install',
  'install-same-id',
  'update',
  'uninstall',
  'rotate',
  'rotate-compromised',
  'trial-start',
  'trial-extend',
  'trial-expire',
  'upgrade',
  'time-out',
] as const;
export type AdminAction = (typeof ADMIN_ACTIONS)[number];

export type RemoteRead = 'credentials' | Pick<RemoteInstallation, 'word' | 'users' | 'paid'>;

export type ModelTalkdesk = ReturnType<typeof createModelTalkdesk>;

const WINDOW_MS = 7 * 86_400_000;
const NEVER = Number.POSITIVE_INFINITY;
const OPEN_TO_CHANGE: readonly RemoteWord[] = ['installing', 'completed', 'updating'];
const FREE_TO_INSTALL: readonly RemoteWord[] = ['uninstalled', 'revoked', 'rejected', 'timeout'];

/**
 * The truth about one account, and the events that tell of it. `salt` scrambles the ids, so that their order says nothing of time. What
 * nobody could tell apart does not happen: two installs, two updates, two rotations or two trial events have seconds of their own, so has
 * a reinstall under an id that was known before, and such a reinstall has its credentials rotated only after it was answered (else the new
 * set, overtaking its install, would seem to be the old installation's).
 *
 * Nor is such a reinstall updated before it was answered: Talkdesk updates what it shows as completed (talkdesk-api.md 4.4), and only our
 * answer to its install makes it so. A first install is updated at once all the same, so that its update can come in any order: it waits
 * for the install.
 */
export function createModelTalkdesk(account: string, salt: number) {
  const installations = new Map<string, RemoteInstallation>();
  let current: RemoteInstallation | null = null;
  let made = 0;
  let newestAtMs = 0;
  const lastAtMs = new Map<string, number>();

  function event(
    type: KnownEventType,
    installationId: string,
    atMs: number,
    extra: Partial<ModelEvent> = {},
  ): ModelEvent {
    made += 1;
    newestAtMs = Math.max(newestAtMs, atMs);
    lastAtMs.set(installationId, atMs);
    const eventId = `${account}-${String((made * 7_919 + salt) % 9_973).padStart(4, '0')}`;
    return { eventId, type, installationId, createdAtMs: atMs, clientId: null, endedReason: null, ...extra };
  }

  /** The first second, from `atMs` on, in which nothing of this family has happened yet. */
  function ownSecond(family: string, atMs: number): number {
    const second = Math.max(atMs, (lastAtMs.get(family) ?? 0) + 1_000);
    lastAtMs.set(family, second);
    return second;
  }

  function install(id: string, atMs: number, paid: boolean): ModelEvent[] {
    const unansweredReturn = installations.has(id);
    const clientId = `${id}-client-${made}`;
    const users = [`${id}-admin`];
    current = {
      ...{
        id,
        installedAtMs: atMs,
        word: 'installing',
        pendingSinceMs: atMs,
        users,
        usersInForce: users,
        paid,
        unansweredReturn,
      },
      ...{ trial: paid ? 'none' : 'active', clients: [{ clientId, diesAtMs: NEVER }] },
    };
    installations.set(id, current);
    const events = [event('app.installed', id, atMs, { clientId })];
    return paid ? events : [...events, event('app.trial_started', id, ownSecond('trial', atMs))];
  }

  function change(subject: RemoteInstallation, atMs: number): ModelEvent {
    if (subject.word === 'completed') subject.word = 'updating';
    if (subject.word === 'updating') subject.pendingSinceMs = atMs;
    return event('app.updated', subject.id, atMs);
  }

  function rotate(subject: RemoteInstallation, atMs: number, compromised: boolean): ModelEvent[] {
    for (const client of subject.clients)
      client.diesAtMs = Math.min(client.diesAtMs, compromised ? atMs : atMs + WINDOW_MS);
    const clientId = `${subject.id}-client-${made}`;
    subject.clients.push({ clientId, diesAtMs: NEVER });
    return [event('app.credentials_rotated', subject.id, atMs, { clientId })];
  }

  function endTrial(subject: RemoteInstallation, atMs: number, endedReason: ModelEvent['endedReason']): ModelEvent[] {
    if (subject.trial !== 'active') return [];
    subject.trial = 'ended';
    return [event('app.trial_ended', subject.id, ownSecond('trial', atMs), { endedReason })];
  }

  /** `flag` chooses between an action's variants. Gives the events that it makes. */
  function admin(action: AdminAction, flag: number, nowMs: number): ModelEvent[] {
    tick(nowMs);
    const subject = current;
    const atMs = Math.max(nowMs, newestAtMs);
    if (action === 'install') {
      if (subject !== null && !FREE_TO_INSTALL.includes(subject.word)) return [];
      return install(`${account}-i${installations.size + 1}`, ownSecond('install', atMs), flag % 2 === 0);
    }
    if (subject === null) return [];
    if (action === 'install-same-id') {
      if (!FREE_TO_INSTALL.includes(subject.word)) return [];
      const second = ownSecond('install', Math.max(atMs, ownSecond(subject.id, atMs)));
      return install(subject.id, second, flag % 2 === 0);
    }
    if (action === 'rotate' || action === 'rotate-compromised') {
      if (![...OPEN_TO_CHANGE, 'uninstalled'].includes(subject.word) || subject.unansweredReturn) return [];
      return rotate(subject, ownSecond('rotation', atMs), action === 'rotate-compromised');
    }
    if (!OPEN_TO_CHANGE.includes(subject.word)) return [];
    if ((action === 'update' || action === 'upgrade') && subject.unansweredReturn) return [];
    switch (action) {
      case 'update':
        subject.users = [
          `${subject.id}-admin`,
          ...Array.from({ length: flag % 4 }, (_, n) => `${subject.id}-user-${made}-${n}`),
        ];
        return [change(subject, ownSecond('update', atMs))];
      case 'uninstall': {
        subject.word = 'uninstalled';
        subject.pendingSinceMs = atMs;
        const gone = event('app.uninstalled', subject.id, atMs);
        return [gone, ...endTrial(subject, atMs, 'app_uninstalled')];
      }
      case 'trial-start':
        if (subject.trial !== 'none' || subject.paid) return [];
        subject.trial = 'active';
        return [event('app.trial_started', subject.id, ownSecond('trial', atMs))];
      case 'trial-extend':
        return subject.trial === 'active' ? [event('app.trial_extended', subject.id, ownSecond('trial', atMs))] : [];
      case 'trial-expire':
        return endTrial(subject, atMs, 'trial_expired');
      case 'upgrade': {
        if (subject.paid) return [];
        subject.paid = true;
        return [...endTrial(subject, atMs, 'plan_upgraded'), change(subject, ownSecond('update', atMs))];
      }
      case 'time-out':
        if (subject.word !== 'installing') return [];
        subject.word = 'timeout';
        subject.clients = [];
        return [];
    }
  }

  /** Ends the windows that have run out. */
  function tick(nowMs: number): void {
    for (const one of installations.values()) {
      one.clients = one.clients.filter((client) => client.diesAtMs > nowMs);
      if (nowMs < one.pendingSinceMs + WINDOW_MS) continue;
      if (one.word === 'installing') {
        one.word = 'timeout';
        one.clients = [];
      } else if (one.word === 'updating') {
        one.word = 'completed';
        one.users = one.usersInForce;
      } else if (one.word === 'uninstalled') {
        one.word = 'revoked';
        one.clients = [];
      }
    }
  }

  function knows(installationId: string, clientId: string | null, nowMs: number): RemoteInstallation | null {
    tick(nowMs);
    const found = installations.get(installationId);
    return found?.clients.some((client) => client.clientId === clientId) ? found : null;
  }

  function read(installationId: string, clientId: string | null, nowMs: number): RemoteRead {
    const found = knows(installationId, clientId, nowMs);
    return found === null ? 'credentials' : { word: found.word, users: [...found.users], paid: found.paid };
  }

  /** The state call: it applies to whatever waits, and changes nothing where nothing does. Says what it was applied to. */
  function decide(
    installationId: string,
    clientId: string | null,
    verb: 'approve' | 'reject',
    nowMs: number,
  ): 'credentials' | 'nothing' | { generationMs: number; word: RemoteWord } {
    const found = knows(installationId, clientId, nowMs);
    if (found === null) return 'credentials';
    const applied = { generationMs: found.installedAtMs, word: found.word };
    if (found.word === 'installing') {
      found.word = verb === 'approve' ? 'completed' : 'rejected';
      found.unansweredReturn = false;
      if (verb === 'approve') found.usersInForce = found.users;
      else found.clients = [];
    } else if (found.word === 'updating') {
      found.word = 'completed';
      if (verb === 'approve') found.usersInForce = found.users;
      else found.users = found.usersInForce;
    } else if (found.word === 'uninstalled' && verb === 'approve') {
      found.word = 'revoked';
      found.clients = [];
    } else return 'nothing';
    return applied;
  }

  /** Revokes the sets before this one. */
  function acknowledge(installationId: string, clientId: string, nowMs: number): 'credentials' | 'done' {
    const found = knows(installationId, clientId, nowMs);
    if (found === null) return 'credentials';
    found.clients = found.clients.slice(found.clients.findIndex((client) => client.clientId === clientId));
    return 'done';
  }

  return { admin, tick, read, decide, acknowledge, installations, current: () => current };
}
