import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { ProductCall, ProductUser, ProvisionCall, SyncedUser, SyncUsersCall } from '../port.js';
import type { RuleContext } from './types.js';

/** What a provision call of a tenant says besides the usual. */
export interface ProvisionDetails {
  generation?: number;
  idempotencyKey?: string;
  keptAccountId?: string;
  accountName?: string;
}

/** A tenant of its own for one rule: builds the calls of its processes. */
export interface Tenant {
  accountName: string;
  lookup: { appId: string; accountId: string; signal: AbortSignal };
  /** What every call carries; with a key of its own unless one is given. */
  call(process: string, generation?: number, idempotencyKey?: string): ProductCall;
  provision(process: string, details?: ProvisionDetails): ProvisionCall;
  sync(process: string, productAccountId: string, users: ProductUser[], details?: SyncDetails): SyncUsersCall;
}

/** What a call of `syncUsers` says besides the list. */
export interface SyncDetails {
  generation?: number;
  seats?: number | null;
  idempotencyKey?: string;
}

/** Makes a tenant that no earlier run of the suite has used. */
export function createTenant(signal: AbortSignal): Tenant {
  const appId = `app-${randomUUID()}`;
  const accountId = `acct-${randomUUID()}`;
  const accountName = `name-${randomUUID().slice(0, 8)}`;
  let calls = 0;
  const call: Tenant['call'] = (process, generation = 1, idempotencyKey = `${accountId}:${++calls}`) => ({
    appId,
    accountId,
    installationId: `inst-${accountId}-${generation}`,
    generation,
    processId: `${accountId}:${process}`,
    idempotencyKey,
    signal,
  });
  return {
    accountName,
    lookup: { appId, accountId, signal },
    call,
    provision: (process, details = {}) => ({
      ...call(process, details.generation, details.idempotencyKey),
      accountName: details.accountName ?? accountName,
      companyName: "O'Neil & Søns GmbH",
      planName: 'pro',
      licenses: 25,
      adminUserId: 'user-1',
      keptAccountId: details.keptAccountId ?? null,
      sso: {
        authorizationUrl: null,
        tokenUrl: 'https://acme.talkdeskid.com/oauth/token',
        userinfoUrl: 'https://api.talkdeskapp.com/users/me',
      },
    }),
    sync: (process, productAccountId, users, details = {}) => ({
      ...call(process, details.generation, details.idempotencyKey),
      productAccountId,
      users,
      seats: details.seats ?? null,
      autoProvisionFilters: [{ filter: 'role', match: 'agent' }],
    }),
  };
}

/** Provisions the tenant and gives the account's id. */
export async function provisioned(
  { product }: Pick<RuleContext, 'product'>,
  tenant: Tenant,
  process = 'p1',
  details: ProvisionDetails = {},
): Promise<string> {
  const answer = await product.provision(tenant.provision(process, details));
  if (answer.status !== 'done') assert.fail(`provision was refused: ${answer.reason}`);
  assert.ok(answer.productAccountId.length > 0, 'provision gave an empty account id');
  return answer.productAccountId;
}

/** Users `user-<from>` and up, the first of them an admin, all with a seat. */
export function usersOf(count: number, from = 1): ProductUser[] {
  return Array.from({ length: count }, (_, index) => ({
    talkdeskUserId: `user-${from + index}`,
    email: (from + index) % 7 === 0 ? null : `user${from + index}@example.com`,
    name: `User ${from + index}`,
    admin: index === 0,
    seat: 'active' as const,
  }));
}

/** Syncs the list and gives what became of each user. Fails unless the answer covers the list, each user once. */
export async function synced(
  { product }: Pick<RuleContext, 'product'>,
  call: SyncUsersCall,
): Promise<Map<string, SyncedUser>> {
  const answer = await product.syncUsers(call);
  if (answer.status !== 'done') assert.fail(`syncUsers was refused: ${answer.reason}`);
  const users = new Map(answer.users.map((user) => [user.talkdeskUserId, user]));
  assert.equal(users.size, answer.users.length, 'the answer lists a user twice');
  const listed = new Set(call.users.map((user) => user.talkdeskUserId));
  assert.equal(users.size, listed.size, 'the answer does not list as many users as the call');
  for (const id of listed) assert.ok(users.has(id), `the answer lacks the user ${JSON.stringify(id)}`);
  return users;
}

/** Product user ids by Talkdesk user id. */
export function idsOf(users: Map<string, SyncedUser>): Map<string, string> {
  return new Map([...users].map(([id, { productUserId }]) => [id, productUserId]));
}

/** Talkdesk user ids of those with a seat, sorted. */
export function seatedOf(users: Map<string, SyncedUser>): string[] {
  return [...users.values()]
    .filter(({ seat }) => seat === 'active')
    .map(({ talkdeskUserId }) => talkdeskUserId)
    .sort();
}

/** Fails unless the answer is a refusal. */
export function assertRefused(answer: { status: string }, what: string): void {
  assert.equal(answer.status, 'refused', `${what} was not refused`);
}
