import { z } from 'zod';
import { keyAlgorithms } from '../../world/client-keys.js';
import { regionNames } from '../../world/regions.js';

/** A time as the control API prints it. */
export const printedTime = z.iso.datetime({ offset: true });

/** The name of a region. */
export const regionName = z.enum(regionNames);

/** `{ "ok": true }`: done, and nothing more to say. */
export const doneAnswer = z.strictObject({ ok: z.literal(true) });

/** What every refusal says. */
export const refusalAnswer = z.strictObject({ error: z.string() });

/** `GET /health`. */
export const healthAnswer = z.strictObject({
  ok: z.literal(true),
  now: printedTime,
  /** Of the first region. */
  base_url: z.url(),
  /** Base URL by region. */
  regions: z.partialRecord(regionName, z.url()),
});

/** An app as it is registered. */
export const appAnswer = z.strictObject({
  app_id: z.string(),
  callback_url: z.url(),
  scopes: z.array(z.string()),
  version_id: z.string(),
  version_name: z.string(),
});

/** `GET /apps`. */
export const appsAnswer = z.strictObject({ apps: z.array(appAnswer) });

/** The states of an installation. */
export const installationStates = [
  'installing',
  'completed',
  'rejected',
  'timeout',
  'updating',
  'suspended',
  'uninstalled',
  'revoked',
] as const;

const processKind = z.enum(['install', 'update', 'uninstall', 'rotation']);
const plan = z.strictObject({ name: z.string(), type: z.enum(['trial', 'paid']), licenses: z.int() });

const processAnswer = z.strictObject({
  kind: processKind,
  event_id: z.string(),
  created_at: printedTime,
  deadline: printedTime,
  /** The client that a rotation delivers. */
  client_id: z.string().optional(),
  decided: z.strictObject({ verb: z.enum(['approve', 'reject', 'acknowledged']), at: printedTime }).nullable(),
  ended: z.enum(['approved', 'rejected', 'timeout', 'deprovisioned', 'acknowledged', 'superseded']).nullable(),
  ended_at: printedTime.nullable(),
});

const decisionAnswer = z.strictObject({
  at: printedTime,
  installation_id: z.string(),
  verb: z.enum(['approve', 'reject']),
  reason: z.string().nullable(),
  status: z.int(),
  effective: z.boolean(),
  /** The process that it took effect on, null when it took none. */
  process: z.strictObject({ kind: processKind, event_id: z.string() }).nullable(),
});

/** `GET /decisions`. */
export const decisionsAnswer = z.strictObject({ decisions: z.array(decisionAnswer) });

const clientAnswer = z.strictObject({
  client_id: z.string(),
  key_id: z.string(),
  key_algorithm: z.enum(keyAlgorithms),
  /** `pending` until its rotation has ended, `previous` while it outlives a newer one. */
  state: z.enum(['pending', 'current', 'previous', 'revoked']),
});

/** An installation with everything that happened to it. */
export const installationAnswer = z.strictObject({
  installation_id: z.string(),
  app_id: z.string(),
  account_id: z.string(),
  account_name: z.string(),
  region: regionName,
  /** Of the newest install, update or uninstall; so is the deadline. */
  event_id: z.string(),
  deadline: printedTime,
  state: z.enum(installationStates),
  updated_at: printedTime,
  /** Of the settings in force, as is the plan. */
  users_total: z.int(),
  plan,
  trial: z
    .strictObject({
      started_at: printedTime,
      expires_at: printedTime,
      ended_at: printedTime.nullable(),
      ended_reason: z.enum(['trial_expired', 'app_uninstalled', 'plan_upgraded']).nullable(),
    })
    .nullable(),
  processes: z.array(processAnswer),
  decisions: z.array(decisionAnswer),
  clients: z.array(clientAnswer),
  token_requests: z.int(),
});

/** `GET /installations`. */
export const installationsAnswer = z.strictObject({ installations: z.array(installationAnswer) });

/** `POST /installations`. */
export const createdAnswer = z.strictObject({
  installation_id: z.string(),
  account_id: z.string(),
  account_name: z.string(),
  app_id: z.string(),
  region: regionName,
  event_id: z.string(),
  client_id: z.string(),
});

const settings = z.strictObject({ users: z.array(z.string()), plan });

/** `GET /installations/{installation_id}/settings`. */
export const settingsAnswer = z.strictObject({ in_force: settings, wanted: settings.nullable() });

/** An account with its installations. */
export const accountAnswer = z.strictObject({
  account_id: z.string(),
  account_name: z.string(),
  region: regionName,
  users_known: z.int(),
  /** Empty: every address may call. */
  ip_allow_list: z.array(z.string()),
  installations: z.array(
    z.strictObject({ installation_id: z.string(), app_id: z.string(), state: z.enum(installationStates) }),
  ),
});

/** `GET /accounts`. */
export const accountsAnswer = z.strictObject({ accounts: z.array(accountAnswer) });

/** A user of an account. */
export const userAnswer = z.strictObject({
  id: z.string(),
  email: z.string(),
  name: z.string(),
  active: z.boolean(),
});

/** `GET /accounts/{account_id}/users`. */
export const usersAnswer = z.strictObject({ users: z.array(userAnswer) });
