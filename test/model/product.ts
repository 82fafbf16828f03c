/** The one account that a tenant has in the product. */
export interface ModelAccount {
  generationMs: number;
  status: 'active' | 'suspended' | 'ended';
  users: string[];
}

export type ProductOperation =
  | { op: 'provision'; users: string[] }
  | { op: 'update'; users: string[]; resume: boolean }
  | { op: 'restore'; users: string[] }
  | { op: 'suspend' | 'resume' | 'deprovision' };

/** Who calls, as the port wants it. */
export interface ProductCaller {
  processId: string;
  installationId: string;
  generationMs: number;
}

/** A call that changed something, or was the first of its key. */
export interface ProductEffect extends ProductCaller {
  key: string;
  op: ProductOperation['op'];
}

export type ModelProduct = ReturnType<typeof createModelProduct>;

/**
 * A product that keeps the rules of the port: one effect per key, nothing for an older generation, no provision of a process after its
 * deprovision, nothing but a provision for an account that has ended.
 */
export function createModelProduct() {
  let account: ModelAccount | null = null;
  let newestSeenMs = 0;
  const calls = new Map<string, string>();
  const undone = new Set<string>();
  const effects: ProductEffect[] = [];

  function apply(caller: ProductCaller, operation: ProductOperation): boolean {
    if (caller.generationMs < newestSeenMs) return false;
    newestSeenMs = caller.generationMs;
    if (operation.op === 'provision') {
      if (undone.has(caller.processId)) return false;
      account = { generationMs: caller.generationMs, status: 'active', users: operation.users };
      return true;
    }
    if (operation.op === 'deprovision') undone.add(caller.processId);
    if (account === null || account.status === 'ended') return false;
    if ('users' in operation) account.users = operation.users;
    if (operation.op === 'deprovision') account.status = 'ended';
    else if (operation.op === 'suspend') account.status = 'suspended';
    else if (operation.op === 'resume' || (operation.op === 'update' && operation.resume)) account.status = 'active';
    return true;
  }

  /** Throws when one key is used for two different calls. */
  function call(caller: ProductCaller, step: string, operation: ProductOperation): void {
    const key = `${caller.processId}:${step}`;
    const text = JSON.stringify(operation);
    const before = calls.get(key);
    if (before !== undefined) {
      if (before !== text) throw new Error(`One key for two calls: ${key}: ${before} and ${text}`);
      return;
    }
    calls.set(key, text);
    if (apply(caller, operation)) effects.push({ ...caller, key, op: operation.op });
  }

  return { call, effects, account: () => account };
}
