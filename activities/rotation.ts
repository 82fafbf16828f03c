import { FAILURE_TYPES } from '../contracts/failures.js';
import type { ProcessInput, ProveResult, RequestRotationInput } from '../contracts/messages.js';
import { NotFoundError } from '../store/errors.js';
import type { ProcessRecord, SealedCredential } from '../store/types.js';
import { TalkdeskError } from '../talkdesk/errors.js';
import { accessOf, accessTo, gatewayOf } from './access.js';
import { claimProcess } from './claims.js';
import type { ActivityParts } from './deps.js';
import { StepError } from './failures.js';

/** Under this name the store keeps the step's result (`promoteCredential`). */
const PROVE_STEP = 'prove';

/** Activities of a credential rotation (talkdesk-api.md 7.5). */
export function createRotationActivities(parts: ActivityParts) {
  const { processes, talkdesk, now, observe, runAttempt, breakers } = parts;

  function ownSet(process: ProcessRecord): SealedCredential {
    if (process.outcome !== null) {
      throw new StepError(FAILURE_TYPES.preEmpted, `the process has ended already: ${process.outcome}`);
    }
    if (process.ownCredential === null) {
      throw new StepError(FAILURE_TYPES.preEmpted, 'its credentials are gone with the installation');
    }
    return process.ownCredential.set;
  }

  /** Talkdesk refuses every set of an installation that is uninstalled: one that was delivered after its uninstall waits for nothing. */
  function refusedWithInstallation({ installation }: ProcessRecord, error: unknown): unknown {
    const refused = error instanceof TalkdeskError && error.failureClass === 'credentials';
    if (!refused || installation.state !== 'ended') return error;
    return new StepError(
      FAILURE_TYPES.preEmpted,
      'the installation is uninstalled, and Talkdesk refuses its credentials',
    );
  }

  /** One that nobody knows will not become known by asking again. */
  async function readInstallation(installationId: string) {
    try {
      return await processes.readInstallation(installationId);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      throw new StepError(FAILURE_TYPES.refused, `Installation ${installationId} is not known here.`);
    }
  }

  return {
    /** Proves the delivered set with a token of it, and makes it current. False when a newer set is current already. */
    async proveCredentials(input: ProcessInput): Promise<ProveResult> {
      const { processId } = input;
      return await runAttempt(
        async (attempt) => {
          const process = await processes.read(processId);
          const set = ownSet(process);
          if (process.ownCredential?.state === 'previous') return { current: false };
          const done = process.stepResults[PROVE_STEP] as ProveResult | undefined;
          if (done !== undefined) return done;
          const { installation, installationId } = process;
          await breakers
            .guard(gatewayOf(installation), attempt, () =>
              talkdesk.ensureToken(accessOf(parts, { ...process, credential: set }), attempt),
            )
            .catch((error: unknown) => {
              throw refusedWithInstallation(process, error);
            });
          const at = now();
          const current = await processes.promoteCredential({ processId, stepResult: { current: true }, at });
          // Tokens of the old client may live on at Talkdesk; nothing of ours uses them any more.
          talkdesk.forgetTokens(installationId);
          if (current) {
            observe({ name: 'credentials-proved', atMs: at.getTime(), installationId, eventId: process.eventId });
          }
          return { current };
        },
        { processId },
      );
    },

    /** Acknowledges the set with a token of its own, and records the outcome: the sets before it are wiped with it. */
    async acknowledgeCredentials(input: ProcessInput): Promise<void> {
      const { processId } = input;
      await runAttempt(
        async (attempt) => {
          const claim = await claimProcess(parts, attempt, { processId });
          if (claim.kind === 'finished') {
            if (claim.outcome === 'acknowledged') return;
            throw new StepError(FAILURE_TYPES.preEmpted, `the process has ended already: ${claim.outcome}`);
          }
          const { process } = claim;
          const { installationId, eventId } = process;
          try {
            const set = ownSet(process);
            await claim.ensureFresh();
            await breakers.guard(gatewayOf(process.installation), attempt, () =>
              talkdesk.acknowledgeCredentials(accessOf(parts, { ...process, credential: set }), set.clientId, attempt),
            );
            const at = now();
            await processes.recordOutcome({ processId, outcome: 'acknowledged', reason: 'acknowledged', at });
            observe({ name: 'credentials-acknowledged', atMs: at.getTime(), installationId, eventId });
          } catch (error) {
            await processes.release(processId, attempt.token);
            throw refusedWithInstallation(process, error);
          }
        },
        { processId },
      );
    },

    /** Asks Talkdesk for new credentials. They come as an event. */
    async requestRotation({ installationId }: RequestRotationInput): Promise<void> {
      await runAttempt(async (attempt) => {
        const installation = await readInstallation(installationId);
        if (installation.state === 'ended') {
          throw new StepError(FAILURE_TYPES.refused, `Installation ${installationId} has ended.`);
        }
        await talkdesk.requestRotation(accessTo(parts, { ...installation, installationId }), attempt);
      });
    },
  };
}
