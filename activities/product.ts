import { FAILURE_TYPES } from '../contracts/failures.js';
import { idempotencyKeyOf } from '../contracts/ids.js';
import type { ProcessInput, ProvisionResult } from '../contracts/messages.js';
import { ProductConfigurationError } from '../product/errors.js';
import type { Product, ProductCall } from '../product/port.js';
import type { ProcessRecord } from '../store/types.js';
import type { Attempt } from './attempts.js';
import { type Claim, claimProcess } from './claims.js';
import type { ActivityParts } from './deps.js';
import { StepError, wordsOf } from './failures.js';

/** Under this name the store keeps the step's result (`recordProvisioned`). */
const PROVISION_STEP = 'provision';

/** Activities that change the product. */
export function createProductActivities(parts: ActivityParts) {
  const { processes, productFor, now, observe, runAttempt, breakers } = parts;

  function callOf(process: ProcessRecord, step: string, attempt: Attempt): ProductCall {
    return {
      appId: process.tenant.appId,
      accountId: process.tenant.accountId,
      installationId: process.installationId,
      generation: process.generation,
      processId: process.processId,
      idempotencyKey: idempotencyKeyOf(process.processId, step),
      signal: attempt.signal,
    };
  }

  async function provision(process: ProcessRecord, claim: Claim, attempt: Attempt): Promise<ProvisionResult> {
    const product = productFor(process.tenant.appId);
    const { installation } = process;
    await claim.ensureFresh();
    const account = await asking(attempt, () =>
      product.provision({
        ...callOf(process, 'provision', attempt),
        accountName: installation.accountName,
        companyName: installation.companyName,
        planName: installation.planName,
        licenses: installation.licenses,
        adminUserId: installation.adminUserId,
        sso: {
          authorizationUrl: installation.authorizationUrl,
          tokenUrl: installation.tokenUrl,
          userinfoUrl: installation.userinfoUrl,
        },
      }),
    );
    const { productAccountId } = account;
    const users = await processes.users(process.installationId);
    await claim.ensureFresh();
    const synced = await asking(attempt, () =>
      product.syncUsers({ ...callOf(process, 'users', attempt), productAccountId, users }),
    );
    const result = { productAccountId, users: synced.users.length };
    await processes.recordProvisioned({
      processId: process.processId,
      attemptToken: attempt.token,
      productAccountId,
      users: synced.users,
      stepResult: result,
      at: now(),
    });
    return result;
  }

  async function undo(process: ProcessRecord, claim: Claim, attempt: Attempt): Promise<void> {
    const product: Product = productFor(process.tenant.appId);
    await claim.ensureFresh();
    const answer = await calling(attempt, () => product.deprovision(callOf(process, 'deprovision', attempt)));
    if (answer.status === 'refused') {
      throw new StepError(
        FAILURE_TYPES.needsPerson,
        `The product refuses to undo what was provisioned for process ${process.processId}: ${answer.reason}`,
      );
    }
  }

  return {
    /** Creates the product account and its users, once per process. Fails as refused when the product says no. */
    async provisionAccount(input: ProcessInput): Promise<ProvisionResult> {
      return await runAttempt(async (attempt) => {
        const claim = await claimProcess(parts, attempt, { processId: input.processId, registerUndo: true });
        const process = claim.kind === 'claimed' ? claim.process : await processes.read(input.processId);
        const done = process.stepResults[PROVISION_STEP];
        try {
          if (process.decision === 'reject') {
            throw new StepError(FAILURE_TYPES.refused, process.decisionReason ?? 'refused by the product');
          }
          // The end of this process was decided before its outcome was recorded: it must not be provisioned or approved again.
          if (process.undo === 'done')
            throw new StepError(FAILURE_TYPES.preEmpted, 'its provisioning was undone already');
          if (done !== undefined) {
            await processes.release(input.processId, attempt.token);
            return done as ProvisionResult;
          }
          if (claim.kind === 'finished') {
            throw new StepError(FAILURE_TYPES.preEmpted, `the process has ended already: ${claim.outcome}`);
          }
          const result = await breakers.guard(productOf(process), attempt, () => provision(process, claim, attempt));
          observe({
            name: 'provisioned',
            atMs: now().getTime(),
            installationId: process.installationId,
            eventId: process.eventId,
            note: `product account ${result.productAccountId}, ${result.users} users`,
          });
          return result;
        } catch (error) {
          await processes.release(input.processId, attempt.token);
          throw error;
        }
      });
    },

    /** Takes back what provisioning did or may have done. Done again, it changes nothing. */
    async undoProvisioning(input: ProcessInput): Promise<void> {
      await runAttempt(async (attempt) => {
        const request = { processId: input.processId, ignorePreemption: true };
        const claim = await claimProcess(parts, attempt, request);
        if (claim.kind === 'finished') return;
        const { process } = claim;
        try {
          if (process.undo === 'registered') {
            await breakers.guard(productOf(process), attempt, () => undo(process, claim, attempt));
            observe({
              name: 'undone',
              atMs: now().getTime(),
              installationId: process.installationId,
              eventId: process.eventId,
            });
          }
          await processes.recordUndone({ processId: input.processId, attemptToken: attempt.token, at: now() });
        } catch (error) {
          await processes.release(input.processId, attempt.token);
          throw error;
        }
      });
    },
  };
}

/** The name under which a product's health is watched. */
function productOf(process: ProcessRecord): string {
  return `product of app ${process.tenant.appId}`;
}

/** The answer of the product, or its refusal as a failure that carries the reason. */
async function asking<A extends { status: 'done' }>(
  attempt: Attempt,
  call: () => Promise<A | { status: 'refused'; reason: string }>,
): Promise<A> {
  const answer = await calling(attempt, call);
  if (answer.status === 'refused') throw new StepError(FAILURE_TYPES.refused, answer.reason);
  return answer;
}

/** Calls the product. What an adapter throws seldom says whose failure it is; the person who reads it in a history must know. */
async function calling<A>(attempt: Attempt, call: () => Promise<A>): Promise<A> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ProductConfigurationError) throw error;
    throw new Error(
      attempt.signal.aborted ? 'The product did not answer in time.' : `The product failed: ${wordsOf(error)}`,
    );
  }
}
