import { randomUUID } from 'node:crypto';
import { ProductConfigurationError } from '../../product/errors.js';
import type {
  AccountCall,
  CreateProduct,
  LookupCall,
  Pending,
  Product,
  ProductAnswer,
  ProductCall,
  ProductOptions,
  ProvisionAnswer,
  ProvisionCall,
  Refusal,
} from '../../product/port.js';
import { type Account, openBook } from './state.js';
import { previewUsers, syncUsers } from './users.js';

/**
 * A small product to start an adapter from: accounts in memory, kept in a JSON file when the setting `file` names one. For one worker
 * process. Settings besides: `refusedAccount`, an account name that is refused; `pendingMs`, how long provisioning takes.
 *
 * @throws ProductConfigurationError when a setting cannot be used
 */
export const createProduct = (async ({ settings, now }: ProductOptions): Promise<Product> => {
  const pendingMs = Number(settings['pendingMs'] ?? 0);
  if (!Number.isInteger(pendingMs) || pendingMs < 0) {
    throw new ProductConfigurationError('The setting pendingMs must be a whole number of milliseconds.');
  }
  const book = await openBook(settings['file']);
  const { accounts, answers, generations, undone, readyAtMs } = book.state;

  /** Every changing call goes through here: signal, key, generation, then the effect, and the answer kept with it. */
  async function once<Answer extends object>(call: ProductCall, effect: () => Answer): Promise<Answer | Refusal> {
    call.signal.throwIfAborted();
    let answer = answers.get(call.idempotencyKey) as Answer | Refusal | undefined;
    if (answer === undefined) {
      answer = olderRefusal(call) ?? effect();
      noteGeneration(call);
      answers.set(call.idempotencyKey, answer);
    }
    await book.save();
    return answer;
  }

  function olderRefusal(call: ProductCall): Refusal | null {
    const newest = generations.get(tenantOf(call)) ?? 0;
    return call.generation < newest ? refused(`installation ${call.generation} was followed by ${newest}`) : null;
  }

  function noteGeneration(call: ProductCall): void {
    generations.set(tenantOf(call), Math.max(call.generation, generations.get(tenantOf(call)) ?? 0));
  }

  /** The effect on the account that the call names, or the refusal of one that is not open or is another tenant's. */
  function withAccount<Answer>(call: AccountCall, effect: (account: Account) => Answer): Answer | Refusal {
    const account = accounts.get(tenantOf(call));
    if (account === undefined || account.id !== call.productAccountId || account.status === 'closed') {
      return refused('there is no such account');
    }
    account.generation = call.generation;
    return effect(account);
  }

  const onAccount = (call: AccountCall, effect: (account: Account) => void): Promise<ProductAnswer> =>
    once<ProductAnswer>(call, () =>
      withAccount(call, (account) => {
        effect(account);
        return { status: 'done' as const };
      }),
    );

  /** Tells the service that the work is over, so that it need not wait for its next poll. One that is lost costs that wait only. */
  function callBackAt(afterMs: number, url: string | undefined): void {
    if (url === undefined) return;
    setTimeout(() => void fetch(url, { method: 'POST' }).catch(() => undefined), afterMs).unref();
  }

  /** Null when the work is over, never takes time, or will not be begun. */
  function pending(call: ProvisionCall): Pending | null {
    if (pendingMs === 0 || answers.has(call.idempotencyKey) || olderRefusal(call) !== null) return null;
    noteGeneration(call);
    const nowMs = now().getTime();
    const readyMs = readyAtMs.get(call.idempotencyKey) ?? nowMs + pendingMs;
    if (!readyAtMs.has(call.idempotencyKey)) callBackAt(readyMs - nowMs, call.callbackUrl);
    readyAtMs.set(call.idempotencyKey, readyMs);
    if (readyMs <= nowMs) return null;
    // With a callback to come, the poll is there for one that gets lost.
    const retryAfterMs = call.callbackUrl === undefined ? readyMs - nowMs : 10 * 60_000;
    return { status: 'pending', operation: `provision ${call.idempotencyKey}`, retryAfterMs };
  }

  return {
    async provision(call) {
      call.signal.throwIfAborted();
      const wait = pending(call);
      if (wait !== null) {
        await book.save();
        return wait;
      }
      return await once<ProvisionAnswer>(call, () => {
        if (undone.has(processOf(call))) return refused('this installation was undone');
        if (call.accountName === settings['refusedAccount']) return refused(`${call.accountName} is not welcome here`);
        const kept = accounts.get(tenantOf(call));
        const account: Account = {
          id: kept?.id ?? `account-${randomUUID()}`,
          users: kept?.users ?? new Map(),
          name: call.accountName,
          planName: call.planName,
          licenses: call.licenses,
          status: 'active',
          generation: call.generation,
        };
        accounts.set(tenantOf(call), account);
        return { status: 'done', productAccountId: account.id };
      });
    },
    update: (call) =>
      onAccount(call, (account) => {
        account.name = call.accountName;
        account.planName = call.planName;
        account.licenses = call.licenses;
      }),
    suspend: (call) =>
      onAccount(call, (account) => {
        account.status = 'suspended';
      }),
    resume: (call) =>
      onAccount(call, (account) => {
        account.status = 'active';
      }),
    deprovision: (call) =>
      once<ProductAnswer>(call, () => {
        undone.add(processOf(call));
        const account = accounts.get(tenantOf(call));
        if (account !== undefined) {
          account.status = 'closed';
          for (const user of account.users.values()) user.active = false;
        }
        return { status: 'done' };
      }),
    async lookup(call) {
      call.signal.throwIfAborted();
      const account = accounts.get(tenantOf(call));
      if (account === undefined || account.status === 'closed') return null;
      const { id, name, status, generation, users } = account;
      const activeUsers = [...users.values()].filter(({ active }) => active).length;
      return { productAccountId: id, accountName: name, status, generation, activeUsers };
    },
    syncUsers: (call) =>
      once(call, () => withAccount(call, (account) => ({ status: 'done' as const, users: syncUsers(account, call) }))),
    async previewUsers(call) {
      call.signal.throwIfAborted();
      const account = accounts.get(tenantOf(call));
      const refusal = olderRefusal(call);
      if (refusal !== null) return refusal;
      if (account?.id !== call.productAccountId || account.status === 'closed')
        return refused('there is no such account');
      return previewUsers(account, call);
    },
    // This product has no sessions to end.
    onLogout: (call) => once<ProductAnswer>(call, () => ({ status: 'done' })),
    close: () => book.save(),
  };
}) satisfies CreateProduct;

/** JSON, because the ids may hold any character. */
function tenantOf({ appId, accountId }: ProductCall | LookupCall): string {
  return JSON.stringify([appId, accountId]);
}

function processOf({ appId, accountId, processId }: ProductCall): string {
  return JSON.stringify([appId, accountId, processId]);
}

function refused(reason: string): Refusal {
  return { status: 'refused', reason };
}
