import { FAILURE_TYPES } from '../contracts/failures.js';
import type { ActionableState } from '../contracts/outcomes.js';
import type { ProcessKind, ProcessRecord, SealedCredential, Tenant } from '../store/types.js';
import { TalkdeskError } from '../talkdesk/errors.js';
import type { InstallationAccess, KeyAlgorithm } from '../talkdesk/types.js';
import type { Attempt } from './attempts.js';
import type { ActivityParts } from './deps.js';
import { mayAppearYet, StepError } from './failures.js';

/** What a call in an installation's name is made of. */
export interface InstallationPlace {
  tenant: Tenant;
  installationId: string;
  apiRoot: string;
  tokenUrl: string;
  credential: SealedCredential | null;
}

/**
 * Everything needed to call Talkdesk in the name of an installation.
 *
 * @throws StepError needs-person when no credentials are stored for it
 */
export function accessTo(parts: Pick<ActivityParts, 'processes'>, place: InstallationPlace): InstallationAccess {
  const { tenant, installationId, apiRoot, tokenUrl, credential } = place;
  if (credential === null) {
    throw new StepError(FAILURE_TYPES.needsPerson, `No credentials are stored for installation ${installationId}.`);
  }
  const credentials = parts.processes.open(credential);
  return {
    appId: tenant.appId,
    installationId,
    apiRoot,
    tokenUrl,
    // The algorithm was checked when the event was taken (talkdesk/installed.ts).
    credentials: { ...credentials, keyAlgorithm: credentials.keyAlgorithm as KeyAlgorithm },
  };
}

/** The same for the installation of a process, with its current credentials. */
export function accessOf(parts: Pick<ActivityParts, 'processes'>, process: ProcessRecord): InstallationAccess {
  const { tenant, installationId, installation, credential } = process;
  const { apiRoot, tokenUrl } = installation;
  return accessTo(parts, { tenant, installationId, apiRoot, tokenUrl, credential });
}

/** The name under which a Talkdesk gateway's health is watched. */
export function gatewayOf(place: { apiRoot: string }): string {
  return `Talkdesk gateway ${place.apiRoot}`;
}

/** Talkdesk's word for an installation whose update waits. */
const UPDATING = 'updating';

/**
 * The state as one on which a process of this kind can act. Only an accepted installation is updated: to an install, an update that waits
 * means that it was accepted, and an approve would answer the update.
 *
 * @throws StepError needs-person for a suspended or unknown state (talkdesk-api.md 4.4: keep and alarm)
 */
export function actionable(kind: ProcessKind, installation: { state: string; stateWord: string }): ActionableState {
  const { state, stateWord } = installation;
  if (state === 'suspended' || state === 'unknown') {
    throw new StepError(
      FAILURE_TYPES.needsPerson,
      `Talkdesk reports the installation's state as "${stateWord.slice(0, 40)}", on which nothing can be decided. Ask Talkdesk.`,
    );
  }
  if (kind === 'install' && stateWord.toLowerCase() === UPDATING) return 'accepted';
  return state as ActionableState;
}

/**
 * Runs a call of an update: an installation that Talkdesk says it does not know is no reason to cut off a paying customer, so a person
 * looks (docs/lifecycle.md). Other kinds see the failure as it is.
 */
export async function parkingGone<T>(process: ProcessRecord, attempt: Attempt, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const gone = error instanceof TalkdeskError && error.failureClass === 'gone';
    if (!gone || process.kind !== 'update' || mayAppearYet(attempt)) throw error;
    throw new StepError(
      FAILURE_TYPES.needsPerson,
      `${error.message} The installation is in use as far as we know: ask Talkdesk what became of it.`,
    );
  }
}
