import { FAILURE_TYPES } from '../contracts/failures.js';
import type { EndAccessResult, ProcessInput, ProvisionResult } from '../contracts/messages.js';
import type { ProductUser } from '../product/port.js';
import type { ProcessRecord } from '../store/types.js';
import type { Attempt } from './attempts.js';
import { type Claim, claimProcess } from './claims.js';
import type { ActivityParts } from './deps.js';
import { StepError } from './failures.js';
import { asking, callOf, insisting, productOf } from './product-calls.js';
import { seat } from './seats.js';
import { type StoredSync, SYNC_STEP } from './sync.js';

/** Under these names the store keeps the steps' results. */
const PROVISION_STEP = 'provision';
export const END_ACCESS_STEP = 'endAccess';

/** Activities that change the product. */
export function createProductActivities(parts: ActivityParts) {
  const { processes, productFor, now, observe, runAttempt, breakers } = parts;

  function tell(process: ProcessRecord, name: 'provisioned' | 'updated' | 'undone' | 'access-ended', note?: string) {
    const { installationId, eventId } = process;
    observe({ name, atMs: now().getTime(), installationId, eventId, ...(note === undefined ? {} : { note }) });
  }

  /** Creates the account, or finds the one there is, and gives its id. */
  async function openAccount(process: ProcessRecord, attempt: Attempt): Promise<string> {
    const { installation, keptAccountId } = process;
    const { productAccountId } = await asking(parts, process, 'provision', attempt, () =>
      productFor(process.tenant.appId).provision({
        ...callOf(parts, process, 'provision', attempt),
        accountName: installation.accountName,
        companyName: installation.companyName,
        planName: installation.planName,
        licenses: installation.licenses,
        adminUserId: installation.adminUserId,
        keptAccountId,
        sso: {
          authorizationUrl: installation.authorizationUrl,
          tokenUrl: installation.tokenUrl,
          userinfoUrl: installation.userinfoUrl,
        },
      }),
    );
    return productAccountId;
  }

  /** Brings an account to the new settings; a paid plan ends the suspension of an expired trial. */
  async function changeAccount(process: ProcessRecord, productAccountId: string, attempt: Attempt): Promise<void> {
    const { accountName, planName, licenses, suspended, planType } = process.installation;
    const product = productFor(process.tenant.appId);
    const settings = { productAccountId, accountName, planName, licenses };
    await asking(parts, process, 'update', attempt, () =>
      product.update({ ...callOf(parts, process, 'update', attempt), ...settings }),
    );
    if (!suspended || planType !== 'paid') return;
    await asking(parts, process, 'resume', attempt, () =>
      product.resume({ ...callOf(parts, process, 'resume', attempt), productAccountId }),
    );
  }

  async function seatedUsers(process: ProcessRecord): Promise<ProductUser[]> {
    const rows = await processes.users(process.installationId);
    const { seats } = parts.rulesFor(process.tenant.appId);
    const seating = seat(rows, process.installation.licenses, seats);
    if (seating.kind === 'refused') throw new StepError(FAILURE_TYPES.refused, seating.reason);
    return seating.users;
  }

  async function provision(process: ProcessRecord, claim: Claim, attempt: Attempt): Promise<ProvisionResult> {
    const users = await seatedUsers(process);
    await claim.ensureFresh();
    const known = process.kind === 'update' ? process.productAccountId : null;
    if (known !== null) await changeAccount(process, known, attempt);
    const productAccountId = known ?? (await openAccount(process, attempt));
    await claim.ensureFresh();
    attempt.progress(`bringing ${users.length} users to the product`);
    const stored = process.stepResults[SYNC_STEP] as StoredSync | undefined;
    const synced = await claim.holding(() =>
      asking(parts, process, 'users', attempt, () =>
        productFor(process.tenant.appId).syncUsers({
          ...callOf(parts, process, 'users', attempt),
          productAccountId,
          users,
          seats: process.installation.licenses,
          autoProvisionFilters: stored?.autoProvisionFilters ?? [],
        }),
      ),
    );
    const result = { productAccountId, users: synced.users.length };
    const { suspended, planType } = process.installation;
    await processes.recordProvisioned({
      processId: process.processId,
      attemptToken: attempt.token,
      productAccountId,
      users: synced.users,
      ...(suspended && planType === 'paid' ? { suspended: false } : {}),
      stepResult: result,
      at: now(),
    });
    return result;
  }

  /** Closes the account that an install opened. */
  async function closeAccount(process: ProcessRecord, attempt: Attempt): Promise<void> {
    await insisting(parts, process, 'deprovision', attempt, () =>
      productFor(process.tenant.appId).deprovision(callOf(parts, process, 'deprovision', attempt)),
    );
  }

  /** Puts our tables and the product back to the settings before an update. */
  async function restore(process: ProcessRecord, attempt: Attempt): Promise<void> {
    const { productAccountId } = process;
    const before = await processes.restoreSettings(process.processId, now());
    // An update that found no account may have opened one before it was cut off.
    if (productAccountId === null) return await closeAccount(process, attempt);
    const { accountName, planName, licenses } = before;
    const product = productFor(process.tenant.appId);
    await insisting(parts, process, 'restore', attempt, () =>
      product.update({
        ...callOf(parts, process, 'restore', attempt),
        productAccountId,
        accountName,
        planName,
        licenses,
      }),
    );
    const users = before.users.map(({ talkdeskUserId, email, name, admin, seat: held }) => ({
      ...{ talkdeskUserId, email, name, admin },
      seat: held ?? 'active',
    }));
    await insisting(parts, process, 'restore-users', attempt, () =>
      product.syncUsers({
        ...callOf(parts, process, 'restore-users', attempt),
        ...{ productAccountId, users, seats: licenses, autoProvisionFilters: [] },
      }),
    );
  }

  return {
    /**
     * Brings the product to what Talkdesk says: an install opens the account, an update changes it; both make its users equal to
     * Talkdesk's list. Once per process. Fails as refused when the product says no, or there are too few licences.
     */
    async provisionAccount(input: ProcessInput): Promise<ProvisionResult> {
      const { processId } = input;
      return await runAttempt(
        async (attempt) => {
          const claim = await claimProcess(parts, attempt, { processId, registerUndo: true });
          const process = claim.kind === 'claimed' ? claim.process : await processes.read(processId);
          const done = process.stepResults[PROVISION_STEP];
          try {
            if (process.decision === 'reject') {
              throw new StepError(FAILURE_TYPES.refused, process.decisionReason ?? 'refused by the product');
            }
            // The end of this process was decided before its outcome was recorded: it must not be provisioned or approved again.
            if (process.undo === 'done')
              throw new StepError(FAILURE_TYPES.preEmpted, 'what it had begun was undone already');
            if (done !== undefined) {
              await processes.release(processId, attempt.token);
              return done as ProvisionResult;
            }
            if (claim.kind === 'finished') {
              throw new StepError(FAILURE_TYPES.preEmpted, `the process has ended already: ${claim.outcome}`);
            }
            const result = await breakers.guard(productOf(process.tenant), attempt, () =>
              provision(process, claim, attempt),
            );
            const note = `product account ${result.productAccountId}, ${result.users} users`;
            tell(process, process.kind === 'update' ? 'updated' : 'provisioned', note);
            return result;
          } catch (error) {
            await processes.release(processId, attempt.token);
            throw error;
          }
        },
        { processId, long: true },
      );
    },

    /** Takes back what a process did, or may have done, in the product. Done again, it changes nothing. */
    async undoProvisioning(input: ProcessInput): Promise<void> {
      const { processId } = input;
      await runAttempt(
        async (attempt) => {
          const claim = await claimProcess(parts, attempt, { processId, ignorePreemption: true });
          if (claim.kind === 'finished') return;
          const { process } = claim;
          try {
            if (process.undo === 'tables') await processes.restoreSettings(processId, now());
            else if (process.undo === 'registered') {
              await claim.ensureFresh();
              const undo = process.kind === 'update' ? restore : closeAccount;
              await claim.holding(() =>
                breakers.guard(productOf(process.tenant), attempt, () => undo(process, attempt)),
              );
              tell(process, 'undone');
            }
            await processes.recordUndone({ processId, attemptToken: attempt.token, at: now() });
          } catch (error) {
            await processes.release(processId, attempt.token);
            throw error;
          }
        },
        { processId, long: true },
      );
    },

    /**
     * Ends access for an uninstall. An account that a later installation of the tenant has opened is that one's. What a reinstall needs is the
     * product's to keep.
     */
    async endAccess(input: ProcessInput): Promise<EndAccessResult> {
      const { processId } = input;
      return await runAttempt(
        async (attempt) => {
          // Whatever overtakes an uninstall: this installation's access ends, and what comes later opens its own.
          const claim = await claimProcess(parts, attempt, { processId, ignorePreemption: true });
          const process = claim.kind === 'claimed' ? claim.process : await processes.read(processId);
          try {
            const done = process.stepResults[END_ACCESS_STEP] as EndAccessResult | undefined;
            if (done !== undefined || claim.kind === 'finished') {
              await processes.release(processId, attempt.token);
              return done ?? { access: 'other' };
            }
            const ours = !process.accountIsNewer && process.productAccountId !== null;
            if (ours) {
              await claim.ensureFresh();
              await breakers.guard(productOf(process.tenant), attempt, () => closeAccount(process, attempt));
            }
            const stepResult: EndAccessResult = { access: ours ? 'ended' : 'other' };
            await processes.recordAccessEnded({ processId, attemptToken: attempt.token, stepResult, at: now() });
            if (ours) tell(process, 'access-ended');
            return stepResult;
          } catch (error) {
            await processes.release(processId, attempt.token);
            throw error;
          }
        },
        { processId },
      );
    },
  };
}
