import type { Product } from '../../../product/port.js';

/** The calls of the port that a process or event leads to. */
const METHODS = [
  'provision',
  'update',
  'suspend',
  'resume',
  'deprovision',
  'syncUsers',
  'previewUsers',
  'onLogout',
] as const;
type Method = (typeof METHODS)[number];
type CallTo<M extends Method> = Parameters<Product[M]>[0];
type AnswerOf<M extends Method> = Awaited<ReturnType<Product[M]>>;

/** A product that says yes, unless told otherwise; the answers are those of the next calls. */
export interface FakeProduct extends Product {
  answers: { [M in Method]: (call: CallTo<M>) => AnswerOf<M> | Promise<AnswerOf<M>> };
  calls: { [M in Method]: CallTo<M>[] };
}

/** Writes every call to the journal. */
export function fakeProduct(journal: string[]): FakeProduct {
  const done = () => ({ status: 'done' }) as const;
  const called = async <M extends Method>(method: M, call: CallTo<M>): Promise<AnswerOf<M>> => {
    journal.push(`product.${method}`);
    fake.calls[method].push(call);
    return await fake.answers[method](call);
  };
  const fake: FakeProduct = {
    answers: {
      provision: () => ({ status: 'done', productAccountId: 'product-1' }),
      syncUsers: ({ users }) => ({
        status: 'done',
        users: users.map(({ talkdeskUserId, seat }) => ({
          talkdeskUserId,
          productUserId: `p-${talkdeskUserId}`,
          seat,
        })),
      }),
      previewUsers: () => ({ status: 'done', add: 0, resume: 0, suspend: 0 }),
      update: done,
      suspend: done,
      resume: done,
      deprovision: done,
      onLogout: done,
    },
    calls: Object.fromEntries(METHODS.map((method) => [method, []])) as unknown as FakeProduct['calls'],

    provision: (call) => called('provision', call),
    update: (call) => called('update', call),
    suspend: (call) => called('suspend', call),
    resume: (call) => called('resume', call),
    deprovision: (call) => called('deprovision', call),
    syncUsers: (call) => called('syncUsers', call),
    previewUsers: (call) => called('previewUsers', call),
    onLogout: (call) => called('onLogout', call),
    async lookup() {
      throw new Error('The product was not to be asked for an account.');
    },
    async close() {},
  };
  return fake;
}
