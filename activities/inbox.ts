import { processIdOf, type TenantKey } from '../contracts/ids.js';
import type { SettleEventInput, TenantView } from '../contracts/messages.js';
import { ForeignInstallationError, NotFoundError, StoreError } from '../store/errors.js';
import type { StoredCredential, TakeChange, UntakenEvent } from '../store/types.js';
import { TalkdeskDataError } from '../talkdesk/errors.js';
import type { ChangeEvent } from '../talkdesk/types.js';
import type { ActivityParts } from './deps.js';

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Our answer should be out by then; Talkdesk's window ends a little later (talkdesk-api.md 7.1). */
const DUE_AFTER_MS = 6.5 * DAY_MS;
const CLOSE_AFTER_MS = 7 * DAY_MS;

/** Activities that take events out of the inbox. */
export function createInboxActivities(parts: ActivityParts) {
  const { processes, events, now, runAttempt } = parts;

  /**
   * Moves the secrets of new events to their own sealed rows and creates what they stand for. An event that cannot be used after all
   * is quarantined and thereby settled; it must not hold up the others.
   */
  async function takeEvent(tenant: TenantKey, event: UntakenEvent): Promise<void> {
    let take: () => Promise<unknown>;
    try {
      take = takerOf(tenant, event);
    } catch (error) {
      return await quarantine(event, error);
    }
    try {
      await take();
    } catch (error) {
      // Class 22: a value that the database cannot hold. No attempt mends either.
      const unusable =
        error instanceof ForeignInstallationError ||
        error instanceof TalkdeskDataError ||
        (error instanceof StoreError && error.code?.startsWith('22') === true);
      if (!unusable) throw error;
      await quarantine(event, error);
    }
  }

  /** Reads the event and says how it is taken. Throws when its body cannot be used. */
  function takerOf(tenant: TenantKey, event: UntakenEvent): () => Promise<unknown> {
    switch (event.type) {
      case 'app.installed': {
        const { credentials, accountId: _, ...rest } = events.parseInstalled(event.rawBody);
        const install = { ...rest, ...commonOf(tenant, event), ...windowOf(event), credential: credentials };
        return () => processes.takeInstall({ ...install, processId: processIdOf('install', event.eventId) });
      }
      case 'app.updated':
      case 'app.uninstalled': {
        const kind = event.type === 'app.updated' ? 'update' : 'uninstall';
        const change = changeOf(kind, tenant, event, events.parseChange(event.rawBody));
        return () => processes.takeChange({ ...change, credential: null });
      }
      case 'app.credentials_rotated': {
        const { credentials, ...rest } = events.parseRotated(event.rawBody);
        const change = changeOf('rotation', tenant, event, rest);
        return async () => {
          const keyAlgorithm = credentials.keyAlgorithm ?? (await currentAlgorithm(rest.installationId));
          // Nobody knows the installation yet: the event waits for its install.
          if (keyAlgorithm === null) return;
          if (credentials.keyAlgorithm === null) events.assertKeyFits(credentials.privateKey, keyAlgorithm);
          const credential: StoredCredential = { ...credentials, keyAlgorithm };
          await processes.takeChange({ ...change, credential });
        };
      }
      case 'app.trial_started':
      case 'app.trial_extended':
      case 'app.trial_ended': {
        const { installationId } = events.parseTrial(event.rawBody);
        return () => processes.takeTrial({ eventId: event.eventId, tenant, installationId, takenAt: now() });
      }
      default:
        throw new Error(`Events of type ${event.type} have no place in a run.`);
    }
  }

  function changeOf(
    kind: TakeChange['kind'],
    tenant: TenantKey,
    event: UntakenEvent,
    { accountId: _, ...rest }: ChangeEvent,
  ): Omit<TakeChange, 'credential'> {
    const processId = processIdOf(kind, event.eventId);
    return { ...rest, ...commonOf(tenant, event), ...windowOf(event), kind, processId };
  }

  function commonOf(tenant: TenantKey, event: UntakenEvent) {
    return {
      eventId: event.eventId,
      tenant,
      createdAt: event.createdAt,
      bodyWithoutSecrets: events.withoutSecrets(event.rawBody),
      takenAt: now(),
    };
  }

  /** A rotation that does not name its key's algorithm means the one in use (talkdesk-api.md 1.4). */
  async function currentAlgorithm(installationId: string): Promise<string | null> {
    try {
      return (await processes.readInstallation(installationId)).credential?.keyAlgorithm ?? null;
    } catch (error) {
      if (error instanceof NotFoundError) return null;
      throw error;
    }
  }

  async function quarantine(event: UntakenEvent, error: unknown): Promise<void> {
    const reason = error instanceof Error ? error.message : 'The body cannot be read.';
    await processes.quarantineTaken({ eventId: event.eventId, reason, at: now() });
  }

  return {
    /** Takes what the inbox holds for a tenant; answers with everything the pure table needs. */
    async takeEvents(input: { tenant: TenantKey }): Promise<TenantView> {
      return await runAttempt(async () => {
        for (const event of await processes.untaken(input.tenant)) await takeEvent(input.tenant, event);
        const { newestInstall, rivals, events: unsettled, processes: open } = await processes.tenantState(input.tenant);
        return { record: { newestInstall, rivals }, events: unsettled, processes: open };
      });
    },

    /** Ends an event that has no process. */
    async settleEvent(input: SettleEventInput): Promise<void> {
      await runAttempt(() => processes.settleEvent({ ...input, at: now() }));
    },
  };
}

function windowOf(event: UntakenEvent): { dueAt: Date; closeAt: Date } {
  const createdMs = event.createdAt.getTime();
  return { dueAt: new Date(createdMs + DUE_AFTER_MS), closeAt: new Date(createdMs + CLOSE_AFTER_MS) };
}
