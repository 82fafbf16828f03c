import type { Product, ProductUser, SyncUsersCall } from '../../../product/port.js';
import type { userRules } from '../../../product/suite/rules/users.js';
import type { Wrap } from '../reference.js';

/** Changes the list before the product sees it, in sync and preview alike. */
function withCall(product: Product, change: (call: SyncUsersCall) => SyncUsersCall): Product {
  return {
    ...product,
    syncUsers: (call) => product.syncUsers(change(call)),
    previewUsers: (call) => product.previewUsers(change(call)),
  };
}

/** Adapters that each break one rule about users. */
export const brokenUsers: Record<keyof typeof userRules, Record<string, Wrap>> = {
  'users-equal-the-list': {
    'an empty list is taken for a mistake': (product) => ({
      ...product,
      async syncUsers(call) {
        // Seats are asked for only by the rules about seats: those see the list as it is.
        if (call.users.length > 0 || call.seats !== null) return await product.syncUsers(call);
        return { status: 'done', users: [] };
      },
    }),
  },

  'user-ids-stay': {
    'users are known by their e-mail addresses': (product) => ({
      ...product,
      async syncUsers(call) {
        const answer = await product.syncUsers(call);
        if (answer.status !== 'done') return answer;
        const emails = new Map(call.users.map(({ talkdeskUserId, email }) => [talkdeskUserId, email]));
        const users = answer.users.map((user) => ({
          ...user,
          productUserId: emails.get(user.talkdeskUserId) ?? user.productUserId,
        }));
        return { ...answer, users };
      },
    }),
  },

  'seat-of-the-list': {
    'everybody on the list gets a seat': (product) =>
      withCall(product, (call) => ({
        ...call,
        users: call.users.map((user): ProductUser => ({ ...user, seat: 'active' })),
      })),
  },

  'seats-are-the-limit': {
    'the number of seats is not looked at': (product) => withCall(product, (call) => ({ ...call, seats: null })),
  },

  'preview-agrees': {
    'the preview counts the list': (product) => ({
      ...product,
      async previewUsers(call) {
        const answer = await product.previewUsers(call);
        return answer.status === 'done' ? { ...answer, add: call.users.length } : answer;
      },
    }),
    'the preview is a sync': (product) => ({
      ...product,
      async previewUsers(call) {
        const preview = await product.previewUsers(call);
        if (preview.status === 'done') await product.syncUsers(call);
        return preview;
      },
    }),
  },

  'ten-thousand-users': {
    'what is behind the first page is forgotten': (product) =>
      withCall(product, (call) => ({ ...call, users: call.users.slice(0, 5_000) })),
  },

  'any-character': {
    'ids are members of an object': (product) =>
      withCall(product, (call) => {
        const byId: Record<string, ProductUser> = {};
        for (const user of call.users) byId[user.talkdeskUserId] = user;
        return { ...call, users: Object.values(byId) };
      }),
  },

  'logout-of-anyone': {
    'the logout of an unknown user fails': (product) => {
      const known = new Set<string>();
      return {
        ...product,
        async syncUsers(call) {
          for (const { talkdeskUserId } of call.users) known.add(talkdeskUserId);
          return await product.syncUsers(call);
        },
        async onLogout(call) {
          if (!known.has(call.talkdeskUserId)) throw new Error('404: no such user');
          return await product.onLogout(call);
        },
      };
    },
  },
};
