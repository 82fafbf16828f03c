import type { FactName } from '../contracts/facts.js';
import type { PolicyVerdict, ProcessInput, SeatChanges, SyncResult } from '../contracts/messages.js';
import type { ProcessRecord, Snapshot, UserRow } from '../store/types.js';
import type { TalkdeskInstallation } from '../talkdesk/types.js';
import { accessOf, actionable, gatewayOf, parkingGone } from './access.js';
import type { Attempt } from './attempts.js';
import type { ActivityParts } from './deps.js';
import { countsInstallations, verdictOf } from './policy.js';
import { callOf, productOf } from './product-calls.js';
import { seat } from './seats.js';

/** A preview is a courtesy to whoever decides; it must not hold up the process. */
const PREVIEW_LIMIT_MS = 1_000;

/** Under this name the store keeps the step's result (`recordSync`). */
export const SYNC_STEP = 'sync';

type AutoProvisionFilter = TalkdeskInstallation['autoProvisionFilters'][number];

/** The step's result as the store keeps it. */
export interface StoredSync extends SyncResult {
  autoProvisionFilters: AutoProvisionFilter[];
}

/** The activity that reads everything of an installation. Deciding is in decision.ts. */
export function createSyncActivities(parts: ActivityParts) {
  const { processes, talkdesk, now, observe, runAttempt, breakers } = parts;

  function teller(process: ProcessRecord) {
    return (name: FactName, note?: string) =>
      observe({
        name,
        atMs: now().getTime(),
        installationId: process.installationId,
        eventId: process.eventId,
        ...(note === undefined ? {} : { note }),
      });
  }

  async function readAll(
    process: ProcessRecord,
    attempt: Attempt,
  ): Promise<{ snapshot: Snapshot; autoProvisionFilters: AutoProvisionFilter[] }> {
    const tell = teller(process);
    const access = accessOf(parts, process);
    await talkdesk.ensureToken(access, attempt);
    tell('token');
    const [account, installation, users, subscription] = await Promise.all([
      talkdesk.readAccount(access, attempt).then((read) => {
        tell('account', read.companyName ?? read.name ?? undefined);
        return read;
      }),
      talkdesk.readInstallation(access, attempt),
      talkdesk
        .readUsers(access, attempt, ({ read, total }) => attempt.progress(`${read} of ${total ?? '?'} users read`))
        .then((read) => {
          tell('users', `${read.length} users`);
          return read;
        }),
      talkdesk.readSubscription(access, attempt),
    ]);
    // Refused here already: nothing is written of an installation on which nobody can act.
    actionable(process.kind, installation);
    const snapshot: Snapshot = {
      remoteState: installation.state,
      remoteStateWord: installation.stateWord,
      remoteUpdatedAt: installation.stateUpdatedAt,
      companyName: account.companyName,
      planName: subscription.name,
      planType: subscription.type,
      licenses: subscription.totalLicenses ?? installation.totalLicenses,
      adminUserId: installation.createdBy?.id ?? null,
      scopes: installation.scopes,
      users: users.map(({ id, email, name, active }) => ({ talkdeskUserId: id, email, name, active })),
      readAt: now(),
    };
    return { snapshot, autoProvisionFilters: installation.autoProvisionFilters };
  }

  async function verdict(process: ProcessRecord, snapshot: Snapshot): Promise<PolicyVerdict> {
    const { policy } = parts.rulesFor(process.tenant.appId);
    const activeInstallations =
      process.kind === 'install' && countsInstallations(policy) ? await processes.countActive(process.tenant) : 0;
    return verdictOf(policy, {
      kind: process.kind === 'update' ? 'update' : 'install',
      accountId: process.tenant.accountId,
      accountName: process.installation.accountName,
      plan: snapshot.planName,
      region: parts.regionOf(process.installation.apiRoot),
      users: snapshot.users.length,
      activeInstallations,
    });
  }

  /** What an update will change in the product, asked of the product itself; undefined where it does not say so quickly. */
  async function preview(
    process: ProcessRecord,
    snapshot: Snapshot,
    autoProvisionFilters: AutoProvisionFilter[],
    attempt: Attempt,
  ): Promise<SeatChanges | undefined> {
    const { productAccountId } = process;
    if (process.kind !== 'update' || productAccountId === null) return undefined;
    const known = new Map((await processes.users(process.installationId)).map((row) => [row.talkdeskUserId, row]));
    const rows: UserRow[] = snapshot.users.map((user) => ({
      ...user,
      admin: user.talkdeskUserId === snapshot.adminUserId,
      productUserId: known.get(user.talkdeskUserId)?.productUserId ?? null,
      seat: known.get(user.talkdeskUserId)?.seat ?? null,
      assignedAt: known.get(user.talkdeskUserId)?.assignedAt ?? snapshot.readAt,
    }));
    const seating = seat(rows, snapshot.licenses, parts.rulesFor(process.tenant.appId).seats);
    if (seating.kind === 'refused') return undefined;
    const signal = AbortSignal.any([attempt.signal, AbortSignal.timeout(PREVIEW_LIMIT_MS)]);
    const call = callOf(parts, process, 'preview', { ...attempt, signal });
    try {
      const answer = await breakers.guard(productOf(process.tenant), attempt, () =>
        parts.productFor(process.tenant.appId).previewUsers({
          ...call,
          productAccountId,
          users: seating.users,
          seats: snapshot.licenses,
          autoProvisionFilters,
        }),
      );
      if (answer.status === 'refused') return undefined;
      const { add, resume, suspend } = answer;
      return { add, resume, suspend };
    } catch {
      return undefined;
    }
  }

  async function sync(process: ProcessRecord, attempt: Attempt): Promise<SyncResult> {
    const gateway = gatewayOf(process.installation);
    const { snapshot, autoProvisionFilters } = await breakers.guard(gateway, attempt, () => readAll(process, attempt));
    const policy = await verdict(process, snapshot);
    const upgrade = upgradeOf(process);
    const changes = await preview(process, snapshot, autoProvisionFilters, attempt);
    const result: SyncResult = {
      remoteState: actionable(process.kind, { state: snapshot.remoteState, stateWord: snapshot.remoteStateWord }),
      users: snapshot.users.length,
      ...(policy.mode === 'automatic' ? {} : { policy }),
      ...(upgrade === null ? {} : { upgrade }),
      ...(changes === undefined ? {} : { changes }),
    };
    // The filters are for the product alone: they stay in our tables.
    const stepResult: StoredSync = { ...result, autoProvisionFilters };
    await processes.recordSync({ processId: process.processId, snapshot, stepResult });
    if (policy.mode === 'manual' && process.personDecision === null) {
      teller(process)('decision-awaited', `${process.kind} of ${process.installation.accountName}`);
    }
    return result;
  }

  return {
    /** Reads account, installation, users and plan into our tables; says what the policy makes of them. */
    async syncFromTalkdesk(input: ProcessInput): Promise<SyncResult> {
      return await runAttempt(
        async (attempt) => {
          const process = await processes.read(input.processId);
          let result = syncedBefore(process);
          if (result === null) {
            // Here and not when the event is taken: an install with an unlisted host waits, parked, until the table is extended.
            parts.events.assertKnownHosts(process.installation);
            result = await parkingGone(process, attempt, () => sync(process, attempt));
          }
          const { personDecision } = process;
          if (personDecision === null) return result;
          const { decision, reason } = personDecision;
          return { ...result, decided: { decision, reason } };
        },
        { processId: input.processId, long: true },
      );
    },
  };
}

/** The app's version before and after an update, by name where there is one; null when it stays the same, or is not known. */
function upgradeOf({ announced, installation }: ProcessRecord): NonNullable<SyncResult['upgrade']> | null {
  const { appVersionId, appVersionName } = installation;
  if (announced === null || appVersionId === null || announced.appVersionId === appVersionId) return null;
  return { from: appVersionName ?? appVersionId, to: announced.appVersionName ?? announced.appVersionId };
}

/** What an earlier attempt recorded, without what is not for Temporal. */
function syncedBefore(process: ProcessRecord): SyncResult | null {
  const stored = process.stepResults[SYNC_STEP] as StoredSync | undefined;
  if (stored === undefined) return null;
  const { autoProvisionFilters: _, ...result } = stored;
  return result;
}
