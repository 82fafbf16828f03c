import { FAILURE_TYPES } from '../contracts/failures.js';
import type { FactName } from '../contracts/facts.js';
import type { FinalStateResult, LastCallResult, ProcessInput, SyncResult } from '../contracts/messages.js';
import type { ActionableState } from '../contracts/outcomes.js';
import type { ProcessRecord, Snapshot } from '../store/types.js';
import { TalkdeskError } from '../talkdesk/errors.js';
import type { InstallationAccess, KeyAlgorithm, StateMeaning, TalkdeskInstallation } from '../talkdesk/types.js';
import type { Attempt } from './attempts.js';
import type { ActivityParts } from './deps.js';
import { StepError } from './failures.js';

/** Attempts after which an unreachable Talkdesk parks a process whose window has closed. */
const PARK_AFTER_ATTEMPTS = 6;

/** Under this name the store keeps the step's result (`recordSync`). */
const SYNC_STEP = 'sync';

/**
 * Everything needed to call Talkdesk in the name of a process's installation.
 *
 * @throws StepError needs-person when no credentials are stored for the installation
 */
export function accessOf(parts: ActivityParts, process: ProcessRecord): InstallationAccess {
  if (process.credential === null) {
    throw new StepError(
      FAILURE_TYPES.needsPerson,
      `No credentials are stored for installation ${process.installationId}.`,
    );
  }
  const credentials = parts.processes.open(process.credential);
  return {
    appId: process.tenant.appId,
    installationId: process.installationId,
    apiRoot: process.installation.apiRoot,
    tokenUrl: process.installation.tokenUrl,
    // The algorithm was checked when the event was taken (talkdesk/installed.ts).
    credentials: { ...credentials, keyAlgorithm: credentials.keyAlgorithm as KeyAlgorithm },
  };
}

/** The name under which a Talkdesk gateway's health is watched. */
export function gatewayOf(process: ProcessRecord): string {
  return `Talkdesk gateway ${process.installation.apiRoot}`;
}

/**
 * The state as one on which an install can act.
 *
 * @throws StepError needs-person for a suspended or unknown state (talkdesk-api.md 4.4: keep and alarm)
 */
export function actionable(installation: { state: StateMeaning; stateWord: string }): ActionableState {
  const { state, stateWord } = installation;
  if (state === 'suspended' || state === 'unknown') {
    throw new StepError(
      FAILURE_TYPES.needsPerson,
      `Talkdesk reports the installation's state as "${stateWord.slice(0, 40)}", on which an install cannot act. Ask Talkdesk.`,
    );
  }
  return state;
}

/** Activities that read from Talkdesk. Deciding is in decision.ts. */
export function createTalkdeskActivities(parts: ActivityParts) {
  const { processes, talkdesk, now, observe, runAttempt, breakers } = parts;

  async function readState(process: ProcessRecord, attempt: Attempt): Promise<TalkdeskInstallation> {
    const access = accessOf(parts, process);
    return await talkdesk.readInstallation(access, attempt);
  }

  async function readAll(
    process: ProcessRecord,
    attempt: Attempt,
  ): Promise<{ result: SyncResult; snapshot: Snapshot }> {
    const fact = (name: FactName, note?: string) =>
      observe({
        name,
        atMs: now().getTime(),
        installationId: process.installationId,
        eventId: process.eventId,
        ...(note === undefined ? {} : { note }),
      });
    const access = accessOf(parts, process);
    await talkdesk.ensureToken(access, attempt);
    fact('token');
    const [account, installation, users, subscription] = await Promise.all([
      talkdesk.readAccount(access, attempt).then((read) => {
        fact('account', read.companyName ?? read.name ?? undefined);
        return read;
      }),
      talkdesk.readInstallation(access, attempt),
      talkdesk.readUsers(access, attempt).then((read) => {
        fact('users', `${read.length} users`);
        return read;
      }),
      talkdesk.readSubscription(access, attempt),
    ]);
    return {
      result: { remoteState: actionable(installation), users: users.length },
      snapshot: {
        remoteState: installation.state,
        remoteStateWord: installation.stateWord,
        remoteUpdatedAt: installation.stateUpdatedAt,
        companyName: account.companyName,
        planName: subscription.name,
        licenses: subscription.totalLicenses ?? installation.totalLicenses,
        adminUserId: installation.createdBy?.id ?? null,
        scopes: installation.scopes,
        users: users.map(({ id, email, name, active }) => ({ talkdeskUserId: id, email, name, active })),
        readAt: now(),
      },
    };
  }

  return {
    /** Reads account, installation, users and plan into our tables. */
    async syncFromTalkdesk(input: ProcessInput): Promise<SyncResult> {
      return await runAttempt(async (attempt) => {
        const process = await processes.read(input.processId);
        const done = process.stepResults[SYNC_STEP];
        if (done !== undefined) return done as SyncResult;
        // Here and not when the event is taken: an install with an unlisted host waits, parked, until the table is extended.
        parts.events.assertKnownHosts(process.installation);
        const { result, snapshot } = await breakers.guard(gatewayOf(process), attempt, () => readAll(process, attempt));
        await processes.recordSync({ processId: input.processId, snapshot, stepResult: result });
        return result;
      });
    },

    /** One look at the state while the credentials still live; never fails for what Talkdesk answers. */
    async readRemoteState(input: ProcessInput): Promise<LastCallResult> {
      return await runAttempt(async (attempt) => {
        const process = await processes.read(input.processId);
        try {
          return { remoteState: (await readState(process, attempt)).state };
        } catch (error) {
          return { remoteState: stateOfFailure(error) ?? 'unreachable' };
        }
      });
    },

    /** Talkdesk's last word after a window closed. Unreachable for long parks: nothing is undone on a guess. */
    async readFinalState(input: ProcessInput): Promise<FinalStateResult> {
      return await runAttempt(async (attempt) => {
        const process = await processes.read(input.processId);
        const attempted = process.decisionAttemptedAt === null ? null : process.decision;
        try {
          const { state, stateWord } = await readState(process, attempt);
          return { finalState: state === 'suspended' ? state : actionable({ state, stateWord }), attempted };
        } catch (error) {
          const finalState = stateOfFailure(error);
          if (finalState !== null) return { finalState, attempted };
          if (!attempt.isLocal && attempt.number >= PARK_AFTER_ATTEMPTS && error instanceof TalkdeskError) {
            throw new StepError(
              FAILURE_TYPES.needsPerson,
              `The window closed and Talkdesk cannot be asked how it ended: ${error.message}`,
            );
          }
          throw error;
        }
      });
    },
  };
}

/** What a failed reading says of the state, where it says something. */
function stateOfFailure(error: unknown): 'gone' | 'credentials-dead' | null {
  if (!(error instanceof TalkdeskError)) return null;
  if (error.failureClass === 'gone') return 'gone';
  return error.failureClass === 'credentials' ? 'credentials-dead' : null;
}
