import { ApplicationFailure } from '@temporalio/activity';
import type { Activities } from '../../activities/index.js';
import { FAILURE_TYPES, type FailureType } from '../../contracts/failures.js';
import type { ProcessKind } from '../../contracts/ids.js';

/** A recorded run: what was open when it began, oldest first, and what its activities answered where they did not just succeed. */
export interface ReplayCase {
  kinds: ProcessKind[];
  overrides?: () => Partial<Activities>;
}

/** By name of the recording. */
export const REPLAY_CASES: Readonly<Record<string, ReplayCase>> = {
  approved: { kinds: ['install'] },
  rejected: { kinds: ['install'], overrides: () => ({ provisionAccount: async () => failing(FAILURE_TYPES.refused) }) },
  'durable-then-approved': {
    kinds: ['install'],
    overrides: () => ({ provisionAccount: failingFirst(3, { productAccountId: 'account-1', users: 3 }) }),
  },
  'expired-and-undone': {
    kinds: ['install'],
    overrides: () => ({ provisionAccount: async () => failing(FAILURE_TYPES.retryable) }),
  },
  'parked-then-approved': {
    kinds: ['install'],
    overrides: () => ({
      syncFromTalkdesk: failingFirst(3, { remoteState: 'waiting', users: 3 }, FAILURE_TYPES.needsPerson),
    }),
  },
  updated: { kinds: ['update'] },
  'update-expired-and-restored': {
    kinds: ['update'],
    overrides: () => ({
      provisionAccount: async () => failing(FAILURE_TYPES.retryable),
      readFinalState: async () => ({ finalState: 'accepted', attempted: null }),
    }),
  },
  'manual-approved-at-due': {
    kinds: ['install'],
    overrides: () => ({
      syncFromTalkdesk: async () => ({
        remoteState: 'waiting',
        users: 3,
        policy: { mode: 'manual', atDue: 'approve' },
      }),
    }),
  },
  uninstalled: { kinds: ['uninstall'] },
  'uninstall-of-a-product-that-is-down': {
    kinds: ['uninstall'],
    overrides: () => ({ endAccess: failingFirst(3, { access: 'ended' }) }),
  },
  'overtaken-by-an-uninstall': { kinds: ['install', 'uninstall'] },
  rotated: { kinds: ['rotation'] },
  'rotation-that-expired': {
    kinds: ['rotation'],
    overrides: () => ({ proveCredentials: async () => failing(FAILURE_TYPES.credentials) }),
  },
  'rotation-beside-an-update': {
    kinds: ['update', 'rotation'],
    overrides: () => ({
      syncFromTalkdesk: failingFirst(1, { remoteState: 'waiting', users: 3 }, FAILURE_TYPES.credentials),
    }),
  },
};

/** Fails this many times, then answers. */
function failingFirst<T>(times: number, answer: T, type: FailureType = FAILURE_TYPES.retryable): () => Promise<T> {
  let failures = times;
  return async () => {
    if (failures-- > 0) failing(type);
    return answer;
  };
}

/** As activities fail (activities/failures.ts): classed, with a delay where it is retried, without a stack. */
function failing(type: FailureType): never {
  const retryable = type !== FAILURE_TYPES.refused;
  const failure = ApplicationFailure.create({
    type,
    message: 'as recorded',
    nonRetryable: !retryable,
    ...(retryable ? { nextRetryDelay: '6h' } : {}),
  });
  failure.stack = '';
  throw failure;
}
