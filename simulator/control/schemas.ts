import { z } from 'zod';
import { routeNames } from '../faults/route-names.js';
import { keyAlgorithms, keyContainers } from '../world/client-keys.js';
import { regionNames } from '../world/regions.js';
import { isAddressOrNetwork } from '../world/ip-allow-list.js';
import { pairings, signSchema } from '../world/switches.js';

const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an absolute http or https URL' })
  .refine(hasNoPassword, 'must hold no user name and no password: deliveries are signed, not logged in');
const identifier = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "-" or "_"');
const time = z.iso.datetime({ offset: true, error: 'must be an ISO 8601 time such as 2026-01-05T10:00:00Z' });
/** Ids are opaque (talkdesk-api.md 1.2): any text, so that a partner's care with them can be tested. */
const opaqueId = z.string().min(1).max(1000);
/** Not read field by field: what JSON can hold, `__proto__` too, is to come through. */
const jsonObject = z
  .custom<object>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'must be a JSON object',
  )
  .meta({ type: 'object' });

/** `PUT /_control/apps/{app_id}`. */
export const appSchema = z.strictObject({
  callback_url: httpUrl,
  scopes: z.array(z.string().min(1)).optional(),
  version_name: z.string().min(1).max(100).optional(),
});

/** An app id in a path. */
export const appIdSchema = identifier;

/** What every control request that makes an event takes. */
const eventFields = {
  deliver: z.boolean().optional(),
  created_at: time.optional(),
  event_id: opaqueId.optional(),
  /** A JSON merge patch of the event's body. */
  merge: jsonObject.optional(),
};

const userFields = {
  email: z.string().max(10_000).optional(),
  name: z.string().max(10_000).optional(),
  active: z.boolean().optional(),
};

/** The licensed users: the account's first so many, or each by id or with data; a known user is changed, any other is new. */
const users = z.union([
  z.int().min(0).max(100_000),
  z.array(z.union([opaqueId, z.strictObject({ id: opaqueId.optional(), ...userFields })])).max(100_000),
]);

const licenses = z.int().min(0).max(1_000_000).optional();
const plan = z.union([
  z.string().min(1).max(100),
  z.strictObject({ name: z.string().min(1).max(100).optional(), type: z.enum(['trial', 'paid']).optional(), licenses }),
]);

/** Users, plan and licenses, as an installation and an update take them. */
export const settingsFields = { users: users.optional(), plan: plan.optional(), licenses };
export type SettingsInput = z.infer<z.ZodObject<typeof settingsFields>>;
export type EventInput = z.infer<z.ZodObject<typeof eventFields>>;

const keyFields = { key_algorithm: z.enum(keyAlgorithms).optional(), key_container: z.enum(keyContainers).optional() };

/** `POST /_control/installations`. A new account lives in the first region unless said. A known installation id: installed again under it. */
export const installationSchema = z.strictObject({
  app_id: identifier,
  account_name: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be a subdomain: lower case letters, digits, "-"')
    .optional(),
  account_id: identifier.optional(),
  region: z.enum(regionNames).optional(),
  installation_id: opaqueId.optional(),
  ...settingsFields,
  ...keyFields,
  auto_provision_filters: z.array(jsonObject).optional(),
  ...eventFields,
});

const trialEnded = { trial_ended: z.enum(pairings).optional() };

/** `POST /_control/installations/{id}/update`: users, plan and licenses that are left out stay. */
export const updateSchema = z.strictObject({ ...settingsFields, ...trialEnded, ...eventFields });

/** `POST …/uninstall`: null leaves the reason out of the event. */
export const uninstallSchema = z.strictObject({ reason: z.unknown().optional(), ...trialEnded, ...eventFields });

/** `POST …/rotate`. */
export const rotateSchema = z.strictObject({
  kind: z.enum(['routine', 'compromised']).optional(),
  ...keyFields,
  ...eventFields,
});

/** `POST …/trial/start` and `POST …/trial/extend`. */
export const trialExpirySchema = z.strictObject({ expires_at: time.optional(), ...eventFields });

/** `POST …/trial/end`. */
export const trialEndSchema = z.strictObject({
  reason: z.enum(['trial_expired', 'app_uninstalled', 'plan_upgraded']).optional(),
  ...eventFields,
});

/** `POST …/logout`: the installing admin unless said. */
export const logoutSchema = z.strictObject({
  user_id: opaqueId.optional(),
  user_email: z.string().max(10_000).optional(),
  ...eventFields,
});

/** `POST …/events`: an event of any type. */
export const otherEventSchema = z.strictObject({
  type: z.string().min(1).max(1000),
  data: jsonObject.optional(),
  ...eventFields,
});

/** `POST /_control/events`: bytes as they are, signed with a key of the region, the first unless said, and sent to an app or a URL. */
export const rawEventSchema = z
  .strictObject({
    app_id: identifier.optional(),
    callback_url: httpUrl.optional(),
    region: z.enum(regionNames).optional(),
    json: z.unknown().optional(),
    text: z.string().optional(),
    base64: z.base64().optional(),
    sign: signSchema.optional(),
    deliver: z.boolean().optional(),
  })
  .refine(
    (raw) => [raw.json, raw.text, raw.base64].filter((body) => body !== undefined).length === 1,
    'give one of json, text and base64',
  )
  .refine(
    (raw) => (raw.app_id === undefined) !== (raw.callback_url === undefined),
    'give one of app_id and callback_url',
  );

/** `POST /_control/signature-keys/rotate`: the first region unless said. */
export const rotateKeySchema = z.strictObject({ region: z.enum(regionNames).optional() });

/** `POST /_control/events/{event_id}/deliver`: once now, or by the schedule, at once or later. */
export const deliverSchema = z
  .strictObject({
    sign: signSchema.optional(),
    callback_url: httpUrl.optional(),
    schedule: z.boolean().optional(),
    at: time.optional(),
  })
  .refine(
    ({ schedule, at, sign, callback_url }) =>
      schedule === true ? sign === undefined && callback_url === undefined : at === undefined,
    'sign and callback_url are for one delivery now, at is for schedule: true',
  );

/** `PUT /_control/accounts/{account_id}/users/{user_id}`. */
export const userSchema = z.strictObject(userFields);

/** `PUT /_control/accounts/{account_id}/ip-allow-list`: up to a hundred (talkdesk-api.md 6); none: every address may call. */
export const ipAllowListSchema = z.strictObject({
  addresses: z
    .array(z.string().refine(isAddressOrNetwork, 'must be IP addresses or networks such as 203.0.113.0/24'))
    .max(100),
});

function hasNoPassword(text: string): boolean {
  if (!URL.canParse(text)) return true;
  const { username, password } = new URL(text);
  return username === '' && password === '';
}

/** `GET /_control/requests`. */
export const requestsQuerySchema = z.strictObject({
  installation_id: z.string().optional(),
  route: z.enum(routeNames).optional(),
});

/** `GET /_control/events`. */
export const eventsQuerySchema = z.strictObject({
  installation_id: z.string().optional(),
  type: z.string().optional(),
});

/** The query of a list that cannot be narrowed. */
export const noQuerySchema = z.strictObject({});

/** Ten years. */
export const largestAdvanceMs = 3_650 * 86_400_000;

/** `POST /_control/clock`: one of the three. */
export const clockSchema = z
  .strictObject({
    advance_ms: z
      .int('must be a whole number of milliseconds')
      .min(0, 'must be 0 or more: the clock goes forwards')
      .max(largestAdvanceMs, 'must be at most ten years')
      .optional(),
    set: z.union([z.literal('now'), time]).optional(),
    mode: z.enum(['running', 'frozen'], 'must be running or frozen').optional(),
  })
  .refine(
    (move) => Object.values(move).filter((value) => value !== undefined).length === 1,
    'give one of advance_ms, set and mode',
  );
