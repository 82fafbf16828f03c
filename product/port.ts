/** Version of the port. A change that breaks adapters raises it. */
export const PRODUCT_PORT_VERSION = 1;

/**
 * The partner's product, as this service sees it. An adapter implements this interface; the service calls it.
 *
 * Rules every adapter keeps (the suite in `product/suite/` tests them, each under a name):
 * - the same idempotency key twice, also at the same time, has one effect and the same answer;
 * - `provision` of a process after that process's `deprovision` is refused;
 * - a call of an older generation than the newest one seen for the tenant is refused;
 * - update, suspend, resume, syncUsers and previewUsers of an account that is not open, or is another tenant's, are refused;
 * - a call whose `signal` aborts comes back soon, with the signal's reason as exception; one whose signal has aborted does nothing;
 * - `pending` is an answer, too: the work has begun and goes on. The service calls again with the same key, and with the `operation`
 *   of the last answer where there is a process to keep it with (not for trials and logouts), until the answer is another one; the effect stays one;
 * - a refusal is an answer (`refused`), not an exception. An exception means "it may or may not have happened": the service
 *   asks `lookup`, or calls again with the same key.
 */
export interface Product {
  /**
   * Creates the account of a tenant and gives its id, or finds the one the tenant already has: of this key, of another process, or of
   * an earlier installation, which is opened again with its users' ids kept.
   */
  provision(call: ProvisionCall): Promise<ProvisionAnswer>;
  /** Brings name, plan and licences of an existing account to what the call says. */
  update(call: UpdateCall): Promise<ProductAnswer>;
  /** Blocks use, keeps everything. */
  suspend(call: AccountCall): Promise<ProductAnswer>;
  /** Ends a suspension. */
  resume(call: AccountCall): Promise<ProductAnswer>;
  /**
   * Ends access and undoes `provision`; what a reinstall needs may be kept. An account that is not there counts as done, and the
   * process counts as undone all the same.
   */
  deprovision(call: ProductCall): Promise<ProductAnswer>;
  /** The open account (active or suspended) of this tenant, or null. Changes nothing. */
  lookup(call: LookupCall): Promise<ProductAccount | null>;
  /**
   * Makes the account's users equal to the list: adds, resumes, suspends. Who is not on the list is suspended, never deleted: a user keeps
   * the product user id for ever. The list may be empty or hold thousands.
   */
  syncUsers(call: SyncUsersCall): Promise<SyncUsersAnswer>;
  /** What `syncUsers` with this list would change. Changes nothing, and does not use up the idempotency key. */
  previewUsers(call: SyncUsersCall): Promise<PreviewAnswer>;
  /** A user logged out of Talkdesk: end that user's session. Best effort. */
  onLogout(call: LogoutCall): Promise<ProductAnswer>;
  /** Frees connections. */
  close(): Promise<void>;
}

/** What every changing call carries. */
export interface ProductCall {
  appId: string;
  accountId: string;
  installationId: string;
  /** Number of the installation within its tenant; grows with each reinstall. */
  generation: number;
  processId: string;
  idempotencyKey: string;
  /** What the last `pending` answer to this key named; left out in the first call. */
  operation?: string;
  /**
   * Where the product may POST, with an empty body, to be asked again at once instead of at the next poll; left out where the service
   * has no address that the product can reach.
   */
  callbackUrl?: string;
  /** Cuts the call off; an adapter passes it on to whatever it waits for. */
  signal: AbortSignal;
}

export interface ProvisionCall extends ProductCall {
  /** Talkdesk's unique account name, its subdomain. */
  accountName: string;
  companyName: string | null;
  planName: string | null;
  licenses: number | null;
  /** Talkdesk user id of the installing admin: the first admin of the product account (talkdesk-api.md 4.2). */
  adminUserId: string | null;
  /** The account kept from an earlier installation of this tenant, to be opened again; null when there never was one. */
  keptAccountId: string | null;
  /** Single sign-on endpoints; never secrets. */
  sso: { authorizationUrl: string | null; tokenUrl: string; userinfoUrl: string | null };
}

export interface AccountCall extends ProductCall {
  productAccountId: string;
}

export interface UpdateCall extends AccountCall {
  accountName: string;
  planName: string | null;
  licenses: number | null;
}

export interface LookupCall {
  appId: string;
  accountId: string;
  signal: AbortSignal;
}

export interface ProductUser {
  /** Talkdesk user id: the key. E-mail addresses may change. */
  talkdeskUserId: string;
  email: string | null;
  name: string | null;
  admin: boolean;
  /** `suspended`: licensed, but without a seat (decided by the service's seat policy). The id and all data are kept. */
  seat: 'active' | 'suspended';
}

export interface SyncUsersCall extends AccountCall {
  users: ProductUser[];
  /** Most users that may be active; null: no limit known. With seat policy `product`, the product chooses whom to suspend. */
  seats: number | null;
  /** Which users Talkdesk assigns by itself (talkdesk-api.md 4.2); for information. */
  autoProvisionFilters: { filter: string; match: string | null }[];
}

export interface LogoutCall extends AccountCall {
  talkdeskUserId: string;
}

export interface ProductAccount {
  productAccountId: string;
  accountName: string;
  status: 'active' | 'suspended';
  generation: number;
  activeUsers: number;
}

/** The product says no, for good. The reason goes to Talkdesk and may be read by the customer. */
export interface Refusal {
  status: 'refused';
  reason: string;
}

/** The product has begun and needs minutes or hours. */
export interface Pending {
  status: 'pending';
  /** Names the work under way for the next call; at most 2,000 characters, no secret. */
  operation?: string;
  /** When to ask again, milliseconds; the service decides when left out. */
  retryAfterMs?: number;
}

export type ProductAnswer = { status: 'done' } | Pending | Refusal;
export type ProvisionAnswer = { status: 'done'; productAccountId: string } | Pending | Refusal;
/** `users`: product user id and seat by Talkdesk user id, for every user of the list. */
export type SyncUsersAnswer = { status: 'done'; users: SyncedUser[] } | Pending | Refusal;
export interface SyncedUser {
  talkdeskUserId: string;
  productUserId: string;
  seat: 'active' | 'suspended';
}
/**
 * Numbers of users: `add` are new to the account, whatever their seat; `resume` are suspended and become active; `suspend` are active and
 * become suspended.
 */
export type PreviewAnswer = { status: 'done'; add: number; resume: number; suspend: number } | Refusal;

/** What an adapter module is created with. */
export interface ProductOptions {
  /** Settings of the app's entry, plain strings. The sample reads `databaseUrl`. */
  settings: Readonly<Record<string, string>>;
  /** Business time. */
  now: () => Date;
  /** `host:port` that may be used over plain http, for development; none when left out. */
  insecureHosts?: readonly string[];
}

/** An adapter module exports this under the name `createProduct`. */
export type CreateProduct = (options: ProductOptions) => Promise<Product> | Product;
