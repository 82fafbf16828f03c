import { FAILURE_TYPES } from '../contracts/failures.js';
import type { DecisionInput, DecisionResult } from '../contracts/messages.js';
import { CLOCKS_APART, TalkdeskError } from '../talkdesk/errors.js';
import type { InstallationAccess, TalkdeskInstallation } from '../talkdesk/types.js';
import { accessOf, gatewayOf } from './access.js';
import type { Attempt } from './attempts.js';
import type { Claim } from './claims.js';
import type { ActivityParts } from './deps.js';
import { StepError } from './failures.js';

/** Dead credentials are believed after this time: a rotation that replaces them may be on its way (talkdesk-api.md 7.5, 1.5). */
const CREDENTIALS_GRACE_MS = 20 * 60_000;
/** After Talkdesk's window an uninstall is tried once a day (docs/lifecycle.md). */
const LATE_RETRY_MS = 24 * 60 * 60_000;
/** A new installation under the same id is heard of in this time, or lost. */
const OVERTAKEN_GRACE_MS = 20 * 60_000;
const OVERTAKEN_RETRY_MS = 60_000;
/** The state of an installation that was just made (talkdesk-api.md 4.4). */
const INSTALLING = 'installing';
/** The state of an installation that needs no approval any more (talkdesk-api.md 4.4). */
const REVOKED = 'revoked';

type Send = (access: InstallationAccess, input: DecisionInput, attempt: Attempt) => Promise<TalkdeskError | null>;

/**
 * How an uninstall is approved: whatever state Talkdesk reports, because not every one says that it waits, and until it takes it. That
 * the installation or its client is not known any more is the end that was wanted (talkdesk-api.md 7.2).
 */
export function createUninstallApproval(parts: ActivityParts, send: Send) {
  const { processes, talkdesk, now, breakers } = parts;

  return async (input: DecisionInput, claim: Claim, attempt: Attempt): Promise<DecisionResult> => {
    const { process } = claim;
    if (process.credential === null) return { result: 'credentials-gone' };
    const access = accessOf(parts, process);
    let attempted = process.decisionAttemptedAt !== null;

    async function approve(): Promise<DecisionResult> {
      const installation = await talkdesk.readInstallation(access, attempt);
      if (isRevoked(installation)) return wantedEnd(attempted);
      if (isInstalledAgain(installation)) throw notYetHeardOf();
      await claim.ensureFresh();
      const { processId, reason } = input;
      const sending = { processId, attemptToken: attempt.token, verb: 'approve', reason, at: now() } as const;
      if (!(await processes.recordSending(sending))) {
        throw new StepError(FAILURE_TYPES.retryable, 'This attempt was too slow and lost its claim on the process.');
      }
      const sendError = await send(access, input, attempt);
      attempted = true;
      if (sendError === null) return { result: 'approved' };
      if (isRevoked(await talkdesk.readInstallation(access, attempt))) return { result: 'approved' };
      throw sendError;
    }

    /**
     * What we had approved is being installed: under the same id, by an event that has not come yet, and an approval would answer that.
     * Talkdesk retries events for a quarter of an hour (talkdesk-api.md 1.5).
     */
    function isInstalledAgain({ stateWord }: TalkdeskInstallation): boolean {
      return process.approvalTried && stateWord.toLowerCase() === INSTALLING;
    }

    function notYetHeardOf(): StepError {
      const late = now().getTime() - process.takenAt.getTime() >= OVERTAKEN_GRACE_MS;
      const message = `Talkdesk shows installation ${process.installationId} as being installed again, and its app.installed has not come`;
      return late
        ? new StepError(FAILURE_TYPES.needsPerson, `${message}. Ask Talkdesk to send it again.`)
        : new StepError(FAILURE_TYPES.retryable, `${message} yet.`, OVERTAKEN_RETRY_MS);
    }

    try {
      return await breakers.guard(gatewayOf(process.installation), attempt, approve);
    } catch (error) {
      if (error instanceof TalkdeskError) {
        if (error.failureClass === 'gone') return wantedEnd(attempted);
        if (error.failureClass === 'credentials') {
          const believed = now().getTime() - process.takenAt.getTime() >= CREDENTIALS_GRACE_MS;
          if (attempted || believed) return wantedEnd(attempted);
        }
      }
      // A clock that is wrong may only seem to say that the window is over.
      const goesOn =
        error instanceof StepError ||
        (error instanceof TalkdeskError && (error.failureClass === 'credentials' || error.code === CLOCKS_APART));
      throw now() > process.closeAt && error instanceof Error && !goesOn
        ? new StepError(FAILURE_TYPES.retryable, `${error.message} It is tried again tomorrow.`, LATE_RETRY_MS)
        : error;
    }
  };
}

function isRevoked(installation: TalkdeskInstallation): boolean {
  return installation.stateWord.toLowerCase() === REVOKED;
}

function wantedEnd(attempted: boolean): DecisionResult {
  return { result: attempted ? 'approved' : 'credentials-gone' };
}
