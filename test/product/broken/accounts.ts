import type { ProductCall, ProductUser } from '../../../product/port.js';
import type { accountRules } from '../../../product/suite/rules/accounts.js';
import type { Wrap } from '../reference.js';

const DONE = { status: 'done' as const };
const tenantOf = ({ appId, accountId }: Pick<ProductCall, 'appId' | 'accountId'>) => `${appId} ${accountId}`;

/** Adapters that each break one rule about accounts. */
export const brokenAccounts: Record<keyof typeof accountRules, Record<string, Wrap>> = {
  'provision-and-lookup': {
    'lookup always names the first generation': (product) => ({
      ...product,
      async lookup(call) {
        const found = await product.lookup(call);
        return found === null ? null : { ...found, generation: 1 };
      },
    }),
  },

  'another-process-same-account': {
    'an account that is there already is a conflict': (product) => {
      const openedBy = new Map<string, string>();
      return {
        ...product,
        async provision(call) {
          const opener = openedBy.get(tenantOf(call)) ?? call.processId;
          if (opener !== call.processId) return { status: 'refused', reason: 'this account exists already' };
          const answer = await product.provision(call);
          if (answer.status === 'done') openedBy.set(tenantOf(call), call.processId);
          return answer;
        },
        async deprovision(call) {
          openedBy.delete(tenantOf(call));
          return await product.deprovision(call);
        },
      };
    },
  },

  'update-takes-effect': {
    'update forgets the name': (product) => ({
      ...product,
      async update(call) {
        const found = await product.lookup(call);
        return await product.update({ ...call, accountName: found?.accountName ?? call.accountName });
      },
    }),
  },

  'suspend-keeps-everything': {
    'suspend takes the seats away': (product) => ({
      ...product,
      async suspend(call) {
        const none = { users: [], seats: null, autoProvisionFilters: [] };
        await product.syncUsers({ ...call, ...none, idempotencyKey: `${call.idempotencyKey}:seats` });
        return await product.suspend(call);
      },
    }),
  },

  'strange-account-refused': {
    "another tenant's account is suspended": (product) => {
      const owners = new Map<string, ProductCall>();
      return {
        ...product,
        async provision(call) {
          const answer = await product.provision(call);
          if (answer.status === 'done') owners.set(answer.productAccountId, call);
          return answer;
        },
        async suspend(call) {
          const owner = owners.get(call.productAccountId);
          if (owner === undefined || tenantOf(owner) === tenantOf(call)) return await product.suspend(call);
          return await product.suspend({ ...call, appId: owner.appId, accountId: owner.accountId });
        },
      };
    },
    'whatever account was kept is handed out': (product) => ({
      ...product,
      async provision(call) {
        const answer = await product.provision(call);
        if (answer.status !== 'done' || call.keptAccountId === null) return answer;
        return { ...answer, productAccountId: call.keptAccountId };
      },
    }),
  },

  'deprovision-ends-access': {
    'a suspended account stays open': (product) => ({
      ...product,
      async deprovision(call) {
        const found = await product.lookup(call);
        return found?.status === 'suspended' ? DONE : await product.deprovision(call);
      },
    }),
    'an unknown account is an error': (product) => ({
      ...product,
      async deprovision(call) {
        const found = await product.lookup(call);
        const answer = await product.deprovision(call);
        return found === null ? { status: 'refused', reason: 'there is no such account' } : answer;
      },
    }),
    'an ended account takes updates': (product) => {
      const ended = new Set<string>();
      return {
        ...product,
        async deprovision(call) {
          const answer = await product.deprovision(call);
          if (answer.status === 'done') ended.add(tenantOf(call));
          return answer;
        },
        async update(call) {
          return ended.has(tenantOf(call)) ? DONE : await product.update(call);
        },
      };
    },
  },

  'reinstall-keeps-ids': {
    'each installation has new users': (product) => ({
      ...product,
      async syncUsers(call) {
        const answer = await product.syncUsers(call);
        if (answer.status !== 'done') return answer;
        const users = answer.users.map((user) => ({
          ...user,
          productUserId: `${user.productUserId}/${call.generation}`,
        }));
        return { ...answer, users };
      },
    }),
    'an uninstall forgets who was there': (product) => {
      const forgotten = new Map<string, number>();
      const renamed = (call: ProductCall, user: ProductUser): ProductUser => ({
        ...user,
        talkdeskUserId: `${user.talkdeskUserId}#${forgotten.get(tenantOf(call)) ?? 0}`,
      });
      return {
        ...product,
        async deprovision(call) {
          const answer = await product.deprovision(call);
          forgotten.set(tenantOf(call), (forgotten.get(tenantOf(call)) ?? 0) + 1);
          return answer;
        },
        previewUsers: (call) => product.previewUsers({ ...call, users: call.users.map((user) => renamed(call, user)) }),
        async syncUsers(call) {
          const answer = await product.syncUsers({ ...call, users: call.users.map((user) => renamed(call, user)) });
          if (answer.status !== 'done') return answer;
          const users = answer.users.map((user) => ({
            ...user,
            talkdeskUserId: user.talkdeskUserId.slice(0, user.talkdeskUserId.lastIndexOf('#')),
          }));
          return { ...answer, users };
        },
      };
    },
  },
};
