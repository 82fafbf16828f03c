import { setTimeout as sleep } from 'node:timers/promises';
import type {
  AccountCall,
  LogoutCall,
  Pending,
  Product,
  ProductAnswer,
  ProductCall,
  ProvisionAnswer,
  ProvisionCall,
  SyncUsersAnswer,
  SyncUsersCall,
  UpdateCall,
} from '../port.js';

/** Waits between two questions about pending work, milliseconds: the first, and the longest. */
const FIRST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 2_000;

type Settled<Answer> = Exclude<Answer, Pending>;

/** A product whose changing calls answer when the work is over: asked again, as the service does, while it is pending. */
export interface PatientProduct extends Pick<Product, 'lookup' | 'previewUsers' | 'close'> {
  provision(call: ProvisionCall): Promise<Settled<ProvisionAnswer>>;
  update(call: UpdateCall): Promise<Settled<ProductAnswer>>;
  suspend(call: AccountCall): Promise<Settled<ProductAnswer>>;
  resume(call: AccountCall): Promise<Settled<ProductAnswer>>;
  deprovision(call: ProductCall): Promise<Settled<ProductAnswer>>;
  syncUsers(call: SyncUsersCall): Promise<Settled<SyncUsersAnswer>>;
  onLogout(call: LogoutCall): Promise<Settled<ProductAnswer>>;
}

/** Makes a product patient. Its calls reject with the signal's reason when they are cut off while they wait. */
export function createPatientProduct(product: Product): PatientProduct {
  return {
    provision: (call) => settle(call, (asked) => product.provision(asked)),
    update: (call) => settle(call, (asked) => product.update(asked)),
    suspend: (call) => settle(call, (asked) => product.suspend(asked)),
    resume: (call) => settle(call, (asked) => product.resume(asked)),
    deprovision: (call) => settle(call, (asked) => product.deprovision(asked)),
    lookup: (call) => product.lookup(call),
    syncUsers: (call) => settle(call, (asked) => product.syncUsers(asked)),
    previewUsers: (call) => product.previewUsers(call),
    onLogout: (call) => settle(call, (asked) => product.onLogout(asked)),
    close: () => product.close(),
  };
}

/** Calls until the answer is another one than `pending`: with the same key, and the operation that the last answer named. */
export async function settle<Call extends ProductCall, Answer extends { status: string }>(
  call: Call,
  ask: (call: Call) => Promise<Answer>,
): Promise<Settled<Answer>> {
  let asked = call;
  for (let round = 0; ; round += 1) {
    const answer = await ask(asked);
    if (!isPending(answer)) return answer as Settled<Answer>;
    const waitMs = Math.min(answer.retryAfterMs ?? FIRST_WAIT_MS * 2 ** Math.min(round, 8), LONGEST_WAIT_MS);
    asked = answer.operation === undefined ? call : { ...call, operation: answer.operation };
    try {
      await sleep(waitMs, undefined, { signal: call.signal });
    } catch {
      throw call.signal.reason;
    }
  }
}

function isPending(answer: { status: string }): answer is Pending {
  return answer.status === 'pending';
}
