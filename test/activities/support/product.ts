import type {
  Product,
  ProductAnswer,
  ProductCall,
  ProvisionAnswer,
  ProvisionCall,
  SyncUsersAnswer,
  SyncUsersCall,
} from '../../../product/port.js';

/** A product that says yes, unless told otherwise; the answers are those of the next calls. */
export interface FakeProduct extends Product {
  answers: {
    provision: () => ProvisionAnswer;
    syncUsers: (call: SyncUsersCall) => SyncUsersAnswer;
    deprovision: () => ProductAnswer;
  };
  provisions: ProvisionCall[];
  syncs: SyncUsersCall[];
  deprovisions: ProductCall[];
}

/** Writes every call to the journal. */
export function fakeProduct(journal: string[]): FakeProduct {
  const unplanned = (method: string) => (): never => {
    throw new Error(`The product was not to be called: ${method}.`);
  };
  const fake: FakeProduct = {
    answers: {
      provision: () => ({ status: 'done', productAccountId: 'product-1' }),
      syncUsers: ({ users }) => ({
        status: 'done',
        users: users.map(({ talkdeskUserId }) => ({ talkdeskUserId, productUserId: `p-${talkdeskUserId}` })),
      }),
      deprovision: () => ({ status: 'done' }),
    },
    provisions: [],
    syncs: [],
    deprovisions: [],

    async provision(call) {
      journal.push('product.provision');
      fake.provisions.push(call);
      return fake.answers.provision();
    },
    async syncUsers(call) {
      journal.push('product.syncUsers');
      fake.syncs.push(call);
      return fake.answers.syncUsers(call);
    },
    async deprovision(call) {
      journal.push('product.deprovision');
      fake.deprovisions.push(call);
      return fake.answers.deprovision();
    },
    update: unplanned('update'),
    suspend: unplanned('suspend'),
    resume: unplanned('resume'),
    lookup: unplanned('lookup'),
    onLogout: unplanned('onLogout'),
    async close() {},
  };
  return fake;
}
