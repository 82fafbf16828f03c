import { setTimeout as sleep } from 'node:timers/promises';
import { createProduct } from '../../examples/typescript-product/product.js';
import type { Product } from '../../product/port.js';
import type { ProductHarness } from '../../product/suite/types.js';

/** What the reference refuses to provision. */
export const REFUSED_ACCOUNT = 'unwelcome';
/** Calls take this long before they have an effect, and as long after it. */
const WORK_MS = 2;
const PENDING_MS = 60;

/** Changes a product, as one of the broken adapters does. */
export type Wrap = (product: Product) => Product;

/** The TypeScript example in memory, which takes its time and can be made to hang and to fail: the suite's harness around it. */
export async function createReference(wrap: Wrap = (product) => product): Promise<ProductHarness> {
  let hanging: Promise<void> | null = null;
  let failing = false;

  async function work(signal: AbortSignal): Promise<void> {
    if (hanging !== null) await untilAborted(hanging, signal);
    if (failing) throw new Error('the product is down');
    try {
      await sleep(WORK_MS, undefined, { signal });
    } catch {
      throw signal.reason;
    }
  }

  function slow<Call extends { signal: AbortSignal }, Answer>(ask: (call: Call) => Promise<Answer>) {
    return async (call: Call): Promise<Answer> => {
      call.signal.throwIfAborted();
      await work(call.signal);
      const answer = await ask(call);
      await work(call.signal);
      return answer;
    };
  }

  const create = async (settings: Record<string, string>): Promise<Product> => {
    const inner = await createProduct({
      settings: { refusedAccount: REFUSED_ACCOUNT, ...settings },
      now: () => new Date(),
    });
    return wrap({
      ...inner,
      provision: slow(inner.provision),
      update: slow(inner.update),
      suspend: slow(inner.suspend),
      resume: slow(inner.resume),
      deprovision: slow(inner.deprovision),
      syncUsers: slow(inner.syncUsers),
      previewUsers: slow(inner.previewUsers),
      onLogout: slow(inner.onLogout),
    });
  };
  const product = await create({});
  const pending = await create({ pendingMs: String(PENDING_MS) });

  return {
    open: async () => product,
    openPending: async () => pending,
    refusedAccountName: REFUSED_ACCOUNT,
    async whileHanging(run) {
      let goOn: () => void = () => undefined;
      hanging = new Promise((resolve) => {
        goOn = resolve;
      });
      try {
        await run();
      } finally {
        hanging = null;
        goOn();
      }
    },
    async whileFailing(run) {
      failing = true;
      try {
        await run();
      } finally {
        failing = false;
      }
    },
  };
}

async function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  await Promise.race([
    promise,
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    }),
  ]);
}
