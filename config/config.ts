import type { ClientConnectConfig } from '@temporalio/envconfig';

export const NODE_ENVS = ['development', 'test', 'production'] as const;
export type NodeEnv = (typeof NODE_ENVS)[number];

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How the service proves who it is at Talkdesk's token endpoint (talkdesk-api.md 3.2, 3.3). `basic` is a diagnostic. */
export const TOKEN_AUTHS = ['private_key_jwt', 'basic'] as const;
export type TokenAuth = (typeof TOKEN_AUTHS)[number];

/** Where a listener binds. Port 0: any free port. */
export interface ListenerConfig {
  readonly host: string;
  readonly port: number;
}

/** A Talkdesk region from TALKDESK_REGIONS_FILE; replaces the shipped one of the same name. */
export interface RegionConfig {
  readonly name: string;
  /** Base URL of the API gateway, without a trailing slash. */
  readonly gateway: string;
  readonly tokenHosts: string[];
}

/** One key of the sealing ring: 32 bytes for AES-256-GCM. */
export interface SealingKeyConfig {
  readonly id: string;
  readonly key: Buffer;
}

/** The product of one app. */
export interface ProductConfig {
  /** The word `sample`, the absolute path of an adapter module, or an http(s) URL: then the HTTP adapter is used. */
  readonly adapter: string;
  /** Handed to the adapter. May hold secrets. */
  readonly settings: Readonly<Record<string, string>>;
}

/** What a rule of a decision policy is about; what is left out matches everything. */
export interface PolicyMatch {
  /** Plan names as Talkdesk's subscription gives them. */
  readonly plans?: readonly string[];
  /** Names of regions (region table). */
  readonly regions?: readonly string[];
  readonly kinds?: readonly ('install' | 'update')[];
}

/** Each fails the process with a reason that the customer reads. */
export interface PolicyGuards {
  /** Most active installations of the app at a time. */
  readonly maxInstallations?: number;
  /** Most licensed users of one installation. */
  readonly maxUsers?: number;
  readonly regions?: readonly string[];
  readonly plans?: readonly string[];
  /** Account ids or account names. */
  readonly blockedAccounts?: readonly string[];
}

/** How processes are decided. The first rule that matches holds; without one: automatic, without guards. */
export interface PolicyRule {
  readonly match: PolicyMatch;
  readonly mode: 'automatic' | 'manual';
  /** In manual mode, when nobody has decided at *due*. */
  readonly atDue: 'approve' | 'reject' | 'lapse';
  readonly guards: PolicyGuards;
}

/** Who gives way when there are more licensed users than licences. */
export const SEAT_POLICIES = ['assignment-order', 'product', 'refuse'] as const;
export type SeatPolicy = (typeof SEAT_POLICIES)[number];

/** One app of APPS_FILE. */
export interface AppConfig {
  readonly product: ProductConfig;
  readonly policy: readonly PolicyRule[];
  readonly seats: SeatPolicy;
  /** Talkdesk scopes that are asked for (talkdesk-api.md 3.5). */
  readonly scopes: readonly string[];
}

/** Where Temporal is, in the form that `Connection` and `NativeConnection` both take. */
export type TemporalConnectionConfig = Pick<
  ClientConnectConfig['connectionOptions'],
  'address' | 'tls' | 'apiKey' | 'metadata'
>;

export interface TemporalConfig {
  readonly connectionOptions: TemporalConnectionConfig;
  readonly namespace: string;
  readonly taskQueue: string;
}

/** Every setting of the service, checked. Deeply frozen, except for the bytes of keys and certificates. */
export interface Config {
  readonly nodeEnv: NodeEnv;
  readonly production: boolean;
  readonly databaseUrl: string;
  readonly databasePoolMax: number;
  readonly temporal: TemporalConfig;
  readonly ingress: ListenerConfig;
  readonly ops: ListenerConfig;
  /** What TALKDESK_REGIONS_FILE adds to the shipped regions. */
  readonly regions: readonly RegionConfig[];
  /** Public base URL of the ingress, without a trailing slash; null: products are given no callback address. */
  readonly publicUrl: string | null;
  /** `host:port` that regions and product may use over plain http. Empty in production. */
  readonly insecureHosts: readonly string[];
  /** Newest first. */
  readonly sealingKeys: readonly SealingKeyConfig[];
  /** By app id. Has no prototype, so that an app id from outside finds nothing but apps. */
  readonly apps: Readonly<Record<string, AppConfig>>;
  readonly tokenAuth: TokenAuth;
  /** Path of the prebuilt workflow bundle; null: workflows are bundled at start. */
  readonly workflowBundle: string | null;
  readonly sweepIntervalMs: number;
  readonly logLevel: LogLevel;
  /** Whether the service's clock can be told the time, on the ops listener. Never in production. */
  readonly developmentClock: boolean;
  /** Folder of the local mode's state, absolute. */
  readonly dataDir: string;
}
