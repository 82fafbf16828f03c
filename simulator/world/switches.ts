import { z } from 'zod';
import { keyContainers } from './client-keys.js';

const allSignSwitches = z.strictObject({
  curve: z.enum(['p256', 'p384', 'p521', 'secp256k1']),
  key_container: z
    .enum(['spki', 'pem', 'pem-text', 'raw'])
    .describe(
      'How the endpoint of signature keys writes the public key: pem is PEM text in base64, pem-text the text as it is.',
    ),
  signature_container: z.enum(['der', 'raw']),
  hex_case: z.enum(['lower', 'upper']),
  tamper: z.enum(['none', 'unsigned', 'bad-hex', 'unknown-key-id', 'other-key', 'expired-key', 'changed-body']),
});

/** How an event is signed, all with a value (talkdesk-api.md 2.2); `tamper` is for deliveries to refuse (section 11). */
export type SignSwitches = z.infer<typeof allSignSwitches>;

/** Signing switches of one delivery; what is left out is as the general switches say. */
export const signSchema = allSignSwitches.partial();
export type SignRequest = z.infer<typeof signSchema>;

/** When `app.trial_ended` is made, seen from the event that ends the trial; `none` leaves the trial as it is. */
export const pairings = ['after', 'before', 'on-approval', 'none'] as const;
export type Pairing = (typeof pairings)[number];

const decisionStatus = z.literal([200, 403, 409]);

/** Which way the client of a rotation is named: the one that the event delivers, or the one that it replaces. */
const sides = ['new', 'old'] as const;

/** Windows, processes and states (talkdesk-api.md 4.4, 7). */
const lifeSwitches = {
  /** Length of a process window (talkdesk-api.md 7.1); counts for processes that begin from then on. */
  window_seconds: z.int().min(1).max(604_800),
  repeated_decision_status: decisionStatus,
  opposite_decision_status: decisionStatus,
  late_decision_status: decisionStatus,
  timeout_revokes_client: z.boolean(),
  /** Which settings are in force after an update that was rejected or not answered (talkdesk-api.md 4.4, 10.13). */
  unapproved_update: z.enum(['keeps-old', 'takes-new']),
  /** Whether GET installation shows that an update, or an uninstall, waits (talkdesk-api.md 9.17). */
  update_state: z.enum(['updating', 'completed']),
  uninstall_state: z.enum(['uninstalled', 'completed']),
  /** Users and subscription while an update waits: the settings that it asks for, or those in force (talkdesk-api.md 4.4). */
  updating_reads: z.enum(['wanted', 'in-force']),
  /** What an uninstall without an answer does at the end of its window (talkdesk-api.md 7.2, 9.2). */
  uninstall_timeout: z.enum(['deprovisions', 'waits']),
  /** Whether the end of an installation ends its clients (talkdesk-api.md 10.9). */
  uninstall_revokes_client: z.boolean(),
  /** What a token that outlives its installation gets: a state, or 404 (talkdesk-api.md 4.4, 10.14). */
  deprovisioned_reads: z.enum(['revoked', 'uninstalled', 'not-found']),
  /** The id of an installation that follows one that has ended, for the same app and account (talkdesk-api.md 7.3, 10.8). */
  reinstall_id: z.enum(['new', 'same']),
  /** The state after a trial that ran out without a paid plan (talkdesk-api.md 4.4). */
  trial_over_state: z.enum(['completed', 'suspended']),
  /** Trial events that nobody asked for: sent, or only made, to be delivered by the control API. */
  trial_events: z.enum(['sent', 'prepared']),
  /** When an upgrade or an uninstall ends the trial: with its own event, before or after it, or once approved (talkdesk-api.md 7.4). */
  trial_ended: z.enum(pairings),
};

/** Credentials, tokens and the acknowledgement of a rotation (talkdesk-api.md 3, 4.5, 7.5). */
const credentialSwitches = {
  basic_authentication: z.enum(['accepted', 'refused']),
  /** How a client that does not prove itself is refused (talkdesk-api.md 3.4). */
  client_refusal: z.enum(['401-invalid_client', '400-invalid_client', '400-invalid_grant']),
  ungranted_scope_status: z.literal([400, 401]),
  /** How long a scope that was added to a known app is refused with 401 (talkdesk-api.md 3.4). */
  new_scope_delay_ms: z.int().min(0).max(3_600_000),
  openid_scope: z.enum(['added', 'not-added']),
  /** What is asked of an assertion (talkdesk-api.md 3.2, 10.6, 10.12). */
  assertion_audience: z.enum(['token-url', 'any']),
  assertion_lifetime_seconds: z.int().min(1).max(86_400),
  assertion_reuse: z.enum(['refused', 'accepted']),
  clock_skew_seconds: z.int().min(0).max(3_600),
  /** Whether tokens die with their client, or live until their own end (talkdesk-api.md 7.5, 10.11). */
  revocation_kills_tokens: z.boolean(),
  /** How long the old credentials outlive an acknowledgement: its 202 means accepted, not done (talkdesk-api.md 4.5). */
  ack_delay_ms: z.int().min(0).max(604_800_000),
  repeated_acknowledgement_status: z.literal([202, 409]),
  /** Which client the path of an acknowledgement names, and whose token it takes (talkdesk-api.md 4.5, 10.10). */
  acknowledged_client: z.enum(sides),
  acknowledgement_token: z.enum(['any', ...sides]),
  /** What answers a rotation that the partner asks for (talkdesk-api.md 9.18). */
  rotate_status: z.literal([200, 201, 202, 204]),
};

/** How answers are worded (talkdesk-api.md 4). */
const answerSwitches = {
  created_by: z.enum(['embedded', 'string']),
  /** `documented`: POST state answers the verb, GET installation the resource state (talkdesk-api.md 4.4). */
  state_vocabulary: z.enum(['documented', 'verbs', 'resource']),
  /** What a decision may say: approve or reject, completed or rejected, or either (talkdesk-api.md 4.4, 9.1). */
  decision_vocabulary: z.enum(['verbs', 'states', 'both']),
  /** Whether errors with a code always have `fields` (talkdesk-api.md 9.15). */
  error_fields: z.enum(['optional', 'always']),
  /** The name under which the users of an installation are embedded; the second is an example's (talkdesk-api.md 4.3). */
  users_embedded_field: z.enum(['_embedded', '_embdedded']),
  /** What GET trial answers where there never was a trial (talkdesk-api.md 4.3). */
  no_trial_reads: z.enum(['not-found', 'empty']),
};

/** How events are written (talkdesk-api.md 1). */
const eventSwitches = {
  /** Names of an event's id and type: `id` and `type`, `event_id` and `event_type`, or all four (talkdesk-api.md 9.6). */
  event_names: z.enum(['id-type', 'event_id-event_type', 'both']),
  /** Which events carry credentials: installed and rotated, or updated and uninstalled, too (talkdesk-api.md 9.4). */
  event_credentials: z.enum(['documented', 'also-updated-uninstalled']),
  /** Whether app.installed names the users (talkdesk-api.md 9.5). */
  installed_users: z.enum(['absent', 'present']),
  /** What `users`, `subscription` and `reason` are in an event; a string holds the object's JSON (talkdesk-api.md 9.13). */
  event_values: z.enum(['objects', 'strings']),
  /** `expires_at` of app.trial_ended: the trial's, or the time at which it ended (talkdesk-api.md 9.14). */
  trial_ended_expires_at: z.enum(['planned', 'ended']),
  /** Name of the token link in app.installed (talkdesk-api.md 1.4). */
  token_link: z.enum(['token', 'tokens', 'oauth_token', 'absent']),
  /** Where app.credentials_rotated has the credentials, and whether they name the algorithm (talkdesk-api.md 1.4). */
  rotated_credentials: z.enum(['data', 'top-level', 'without-algorithm']),
  /** How private keys are written where an installation or a rotation says nothing (talkdesk-api.md 9.16). */
  private_key_container: z.enum(keyContainers),
};

/** Delivery and signatures (talkdesk-api.md 1.5, 2). */
const deliverySwitches = {
  third_attempt_minutes: z.literal([15, 10]),
  delivered_by: z.enum(['any-2xx', 'only-200']),
  delivery_timeout_ms: z.int().min(1).max(600_000),
  signature_key_id_field: z.enum(['key_id', 'public_key_id']),
  /** Whether the key endpoint says when a key expires (talkdesk-api.md 2.1). */
  signature_key_expires_at: z.enum(['stated', 'absent']),
  /** Whose gateway serves a signature key: the region's own, the first region's, or any (talkdesk-api.md 2.3, 10.5). */
  signature_keys_served_by: z.enum(['own-region', 'first-region', 'every-region']),
  sign: allSignSwitches,
};

const allSwitches = z.strictObject({
  ...lifeSwitches,
  ...credentialSwitches,
  ...answerSwitches,
  ...eventSwitches,
  ...deliverySwitches,
});

/** Where the contract is silent or contradicts itself: which way this Talkdesk behaves. */
export type Switches = z.infer<typeof allSwitches>;

/** Changes to the general switches. */
export const switchesSchema = allSwitches.extend({ sign: signSchema }).partial();

/** The switches at start: the assumptions of talkdesk-api.md 10. */
export function defaultSwitches(): Switches {
  return {
    window_seconds: 604_800,
    repeated_decision_status: 200,
    opposite_decision_status: 409,
    late_decision_status: 409,
    timeout_revokes_client: true,
    unapproved_update: 'keeps-old',
    update_state: 'updating',
    uninstall_state: 'uninstalled',
    updating_reads: 'wanted',
    uninstall_timeout: 'deprovisions',
    uninstall_revokes_client: true,
    deprovisioned_reads: 'revoked',
    reinstall_id: 'new',
    trial_over_state: 'completed',
    trial_events: 'sent',
    trial_ended: 'after',
    basic_authentication: 'accepted',
    client_refusal: '401-invalid_client',
    ungranted_scope_status: 400,
    new_scope_delay_ms: 300_000,
    openid_scope: 'added',
    assertion_audience: 'token-url',
    assertion_lifetime_seconds: 300,
    assertion_reuse: 'refused',
    clock_skew_seconds: 60,
    revocation_kills_tokens: false,
    ack_delay_ms: 0,
    repeated_acknowledgement_status: 409,
    acknowledged_client: 'new',
    acknowledgement_token: 'any',
    rotate_status: 201,
    created_by: 'embedded',
    state_vocabulary: 'documented',
    decision_vocabulary: 'verbs',
    error_fields: 'optional',
    users_embedded_field: '_embedded',
    no_trial_reads: 'not-found',
    event_names: 'id-type',
    event_credentials: 'documented',
    installed_users: 'absent',
    event_values: 'objects',
    trial_ended_expires_at: 'planned',
    token_link: 'token',
    rotated_credentials: 'data',
    private_key_container: 'pkcs8',
    third_attempt_minutes: 15,
    delivered_by: 'any-2xx',
    delivery_timeout_ms: 10_000,
    signature_key_id_field: 'key_id',
    signature_key_expires_at: 'stated',
    signature_keys_served_by: 'own-region',
    sign: { curve: 'p256', key_container: 'spki', signature_container: 'der', hex_case: 'lower', tamper: 'none' },
  };
}

/** Applies changes in place; signing switches that are not named keep their value. */
export function changeSwitches(switches: Switches, changes: z.infer<typeof switchesSchema>): void {
  const { sign, ...others } = changes;
  Object.assign(switches, others);
  Object.assign(switches.sign, sign);
}
