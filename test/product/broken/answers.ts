import type { answerRules } from '../../../product/suite/rules/answers.js';
import type { cutOffRules } from '../../../product/suite/rules/cut-off.js';
import type { ProvisionAnswer } from '../../../product/port.js';
import type { Wrap } from '../reference.js';

const never = () => new AbortController().signal;

/** Adapters that each break one rule about the kinds of answers, or about calls that are cut off. */
export const brokenAnswers: Record<keyof typeof answerRules | keyof typeof cutOffRules, Record<string, Wrap>> = {
  'refusal-carries-reason': {
    'a refusal without words': (product) => ({
      ...product,
      async provision(call) {
        const answer = await product.provision(call);
        return answer.status === 'refused' ? { status: 'refused', reason: '' } : answer;
      },
    }),
  },

  'failure-is-no-refusal': {
    'whatever goes wrong is a refusal': (product) => ({
      ...product,
      async provision(call) {
        try {
          return await product.provision(call);
        } catch (error) {
          if (call.signal.aborted) throw error;
          return { status: 'refused', reason: (error as Error).message };
        }
      },
    }),
  },

  'pending-then-done': {
    'work that is over begins again': (product) => {
      const pending = new Map<string, 'under way' | 'over'>();
      return {
        ...product,
        async provision(call) {
          if (pending.get(call.idempotencyKey) === 'over') {
            pending.delete(call.idempotencyKey);
            return { status: 'pending' };
          }
          const answer = await product.provision(call);
          if (answer.status === 'pending') pending.set(call.idempotencyKey, 'under way');
          else if (pending.has(call.idempotencyKey)) pending.set(call.idempotencyKey, 'over');
          return answer;
        },
      };
    },
  },

  'pending-then-undone': {
    'work that began cannot be undone': (product) => {
      const begun = new Set<string>();
      return {
        ...product,
        async provision(call) {
          const processId = begun.has(call.idempotencyKey) ? call.idempotencyKey : call.processId;
          const answer = await product.provision({ ...call, processId });
          if (answer.status === 'pending') begun.add(call.idempotencyKey);
          return answer;
        },
      };
    },
  },

  'aborted-signal-does-nothing': {
    'a call that was cut off before goes through': (product) => ({
      ...product,
      async provision(call) {
        const aborted = call.signal.aborted;
        const answer = await product.provision(aborted ? { ...call, signal: never() } : call);
        if (aborted) throw call.signal.reason;
        return answer;
      },
    }),
  },

  'cut-off-comes-back': {
    'the signal is not passed on': (product) => ({
      ...product,
      async provision(call) {
        call.signal.throwIfAborted();
        return await product.provision({ ...call, signal: never() });
      },
    }),
  },

  'cut-off-then-same-key': {
    'the failure of a call that was cut off is kept as its answer': (product) => {
      const answers = new Map<string, Promise<ProvisionAnswer>>();
      return {
        ...product,
        async provision(call) {
          call.signal.throwIfAborted();
          const kept = answers.get(call.idempotencyKey);
          if (kept !== undefined) return await kept;
          const answer = product.provision(call);
          answers.set(call.idempotencyKey, answer);
          try {
            return await answer;
          } finally {
            if (!call.signal.aborted) answers.delete(call.idempotencyKey);
          }
        },
      };
    },
  },
};
