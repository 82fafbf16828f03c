import { processIdOf, type TenantKey } from '../contracts/ids.js';
import type { TenantView } from '../contracts/messages.js';
import { ForeignInstallationError, StoreError } from '../store/errors.js';
import type { UntakenEvent } from '../store/types.js';
import type { InstalledEvent } from '../talkdesk/types.js';
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
    let installed: InstalledEvent;
    let bodyWithoutSecrets: string;
    try {
      installed = events.parseInstalled(event.rawBody);
      bodyWithoutSecrets = events.withoutSecrets(event.rawBody);
    } catch (error) {
      return await quarantine(event, error);
    }
    const { credentials, accountId: _, ...rest } = installed;
    try {
      await processes.takeInstall({
        ...rest,
        eventId: event.eventId,
        tenant,
        createdAt: event.createdAt,
        credential: credentials,
        bodyWithoutSecrets,
        processId: processIdOf('install', event.eventId),
        dueAt: new Date(event.createdAt.getTime() + DUE_AFTER_MS),
        closeAt: new Date(event.createdAt.getTime() + CLOSE_AFTER_MS),
        takenAt: now(),
      });
    } catch (error) {
      // Class 22: a value that the database cannot hold. No attempt mends either.
      const unusable =
        error instanceof ForeignInstallationError ||
        (error instanceof StoreError && error.code?.startsWith('22') === true);
      if (!unusable) throw error;
      await quarantine(event, error);
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
        const { newestInstall, events: unsettled, processes: open } = await processes.tenantState(input.tenant);
        return { record: { newestInstall }, events: unsettled, processes: open };
      });
    },
  };
}
