import { ApplicationFailure } from '@temporalio/activity';
import type { Activities } from '../../activities/index.js';
import { FAILURE_TYPES, type FailureType } from '../../contracts/failures.js';

/** How a recorded run went: what its activities answered, besides those of a healthy install. */
export const REPLAY_CASES: Readonly<Record<string, () => Partial<Activities>>> = {
  approved: () => ({}),
  rejected: () => ({ provisionAccount: async () => failing(FAILURE_TYPES.refused) }),
  'durable-then-approved': () => {
    let failures = 3;
    return {
      async provisionAccount() {
        if (failures-- > 0) failing(FAILURE_TYPES.retryable);
        return { productAccountId: 'account-1', users: 3 };
      },
    };
  },
  'expired-and-undone': () => ({ provisionAccount: async () => failing(FAILURE_TYPES.retryable) }),
  'parked-then-approved': () => {
    let mended = false;
    return {
      async syncFromTalkdesk() {
        if (!mended) failing(FAILURE_TYPES.needsPerson);
        return { remoteState: 'waiting', users: 3 };
      },
      async parkProcess() {
        mended = true;
      },
    };
  },
};

/** As activities fail (activities/failures.ts): classed, with a delay where it is retried, without a stack. */
function failing(type: FailureType): never {
  const retryable = type === FAILURE_TYPES.retryable;
  const failure = ApplicationFailure.create({
    type,
    message: 'as recorded',
    nonRetryable: !retryable,
    ...(retryable ? { nextRetryDelay: '6h' } : {}),
  });
  failure.stack = '';
  throw failure;
}
