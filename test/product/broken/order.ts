import { randomUUID } from 'node:crypto';
import type { ProductCall } from '../../../product/port.js';
import type { orderRules } from '../../../product/suite/rules/order.js';
import type { Wrap } from '../reference.js';

/** Adapters that each break one rule about repeated, late and disordered calls. */
export const brokenOrder: Record<keyof typeof orderRules, Record<string, Wrap>> = {
  'same-key-twice': {
    'suspend does not look at the key': (product) => ({
      ...product,
      suspend: (call) => product.suspend({ ...call, idempotencyKey: randomUUID() }),
    }),
    'syncUsers does not look at the key': (product) => ({
      ...product,
      syncUsers: (call) => product.syncUsers({ ...call, idempotencyKey: randomUUID() }),
    }),
    'a late repeat of an uninstall ends the next installation': (product) => {
      const done = new Set<string>();
      return {
        ...product,
        async deprovision(call) {
          const again = { ...call, generation: 2, idempotencyKey: randomUUID() };
          const answer = await product.deprovision(done.has(call.idempotencyKey) ? again : call);
          done.add(call.idempotencyKey);
          return answer;
        },
      };
    },
  },

  'same-key-at-once': {
    'the second of two calls at once meets a duplicate key': (product) => {
      const underWay = new Set<string>();
      return {
        ...product,
        async provision(call) {
          call.signal.throwIfAborted();
          if (underWay.has(call.idempotencyKey)) throw new Error('duplicate key value violates unique constraint');
          underWay.add(call.idempotencyKey);
          try {
            return await product.provision(call);
          } finally {
            underWay.delete(call.idempotencyKey);
          }
        },
      };
    },
  },

  'undone-process-refused': {
    'an account that was ended is no reason to refuse': (product) => ({
      ...product,
      async deprovision(call) {
        const found = await product.lookup(call);
        return await product.deprovision(found === null ? call : { ...call, processId: randomUUID() });
      },
    }),
    'only what began can be undone': (product) => {
      const begun = new Set<string>();
      return {
        ...product,
        async provision(call) {
          begun.add(call.processId);
          return await product.provision(call);
        },
        deprovision: (call) =>
          product.deprovision(begun.has(call.processId) ? call : { ...call, processId: randomUUID() }),
      };
    },
  },

  'older-generation-refused': {
    'a late update of an older installation is taken': (product) => {
      const newest = new Map<string, number>();
      const seen = <Call extends ProductCall>(call: Call): Call => {
        newest.set(call.accountId, Math.max(call.generation, newest.get(call.accountId) ?? 0));
        return call;
      };
      return {
        ...product,
        provision: (call) => product.provision(seen(call)),
        update: (call) => product.update({ ...call, generation: newest.get(call.accountId) ?? call.generation }),
      };
    },
    'a late uninstall of an older installation ends the newer one': (product) => {
      const newest = new Map<string, number>();
      return {
        ...product,
        async provision(call) {
          newest.set(call.accountId, Math.max(call.generation, newest.get(call.accountId) ?? 0));
          return await product.provision(call);
        },
        deprovision: (call) =>
          product.deprovision({ ...call, generation: newest.get(call.accountId) ?? call.generation }),
      };
    },
  },
};
