import { z } from 'zod';

const allSignSwitches = z.strictObject({
  curve: z.enum(['p256', 'p384', 'p521', 'secp256k1']),
  /** `pem` is PEM text in base64, `pem-text` the same text as it is. */
  key_container: z.enum(['spki', 'pem', 'pem-text', 'raw']),
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

const decisionStatus = z.union([z.literal(200), z.literal(403), z.literal(409)]);

const allSwitches = z.strictObject({
  basic_authentication: z.enum(['accepted', 'refused']),
  ungranted_scope_status: z.union([z.literal(400), z.literal(401)]),
  created_by: z.enum(['embedded', 'string']),
  /** `documented`: POST state answers the verb, GET installation the resource state (talkdesk-api.md 4.4). */
  state_vocabulary: z.enum(['documented', 'verbs', 'resource']),
  repeated_decision_status: decisionStatus,
  opposite_decision_status: decisionStatus,
  late_decision_status: decisionStatus,
  timeout_revokes_client: z.boolean(),
  /** Whether GET installation shows that an update, or an uninstall, waits (talkdesk-api.md 9.17). */
  update_state: z.enum(['updating', 'completed']),
  uninstall_state: z.enum(['uninstalled', 'completed']),
  /** Users and subscription while an update waits: the settings that it asks for, or those in force (talkdesk-api.md 4.4). */
  updating_reads: z.enum(['wanted', 'in-force']),
  /** What an uninstall without an answer does on day seven (talkdesk-api.md 7.2, 9.2). */
  uninstall_timeout: z.enum(['deprovisions', 'waits']),
  /** What a token that outlives its installation gets: the state `revoked`, or 404 (talkdesk-api.md 4.4, 10.14). */
  deprovisioned_reads: z.enum(['revoked', 'not-found']),
  /** Whether tokens die with their client, or live until their own end (talkdesk-api.md 7.5, 10.11). */
  revocation_kills_tokens: z.boolean(),
  /** How long the old credentials outlive an acknowledgement: its 202 means accepted, not done (talkdesk-api.md 4.5). */
  ack_delay_ms: z.int().min(0).max(604_800_000),
  repeated_acknowledgement_status: z.union([z.literal(202), z.literal(409)]),
  /** Trial events that nobody asked for: sent, or only made, to be delivered by the control API. */
  trial_events: z.enum(['sent', 'prepared']),
  /** When an upgrade or an uninstall ends the trial: with its own event, before or after it, or once approved (talkdesk-api.md 7.4). */
  trial_ended: z.enum(pairings),
  third_attempt_minutes: z.union([z.literal(15), z.literal(10)]),
  delivered_by: z.enum(['any-2xx', 'only-200']),
  delivery_timeout_ms: z.int().min(1).max(600_000),
  signature_key_id_field: z.enum(['key_id', 'public_key_id']),
  sign: allSignSwitches,
});

/** Where the contract is silent or contradicts itself: which way this Talkdesk behaves. */
export type Switches = z.infer<typeof allSwitches>;

/** Changes to the general switches. */
export const switchesSchema = allSwitches.extend({ sign: signSchema }).partial();

/** The switches at start: the assumptions of talkdesk-api.md 10. */
export function defaultSwitches(): Switches {
  return {
    basic_authentication: 'accepted',
    ungranted_scope_status: 400,
    created_by: 'embedded',
    state_vocabulary: 'documented',
    repeated_decision_status: 200,
    opposite_decision_status: 409,
    late_decision_status: 409,
    timeout_revokes_client: true,
    update_state: 'updating',
    uninstall_state: 'uninstalled',
    updating_reads: 'wanted',
    uninstall_timeout: 'deprovisions',
    deprovisioned_reads: 'revoked',
    revocation_kills_tokens: false,
    ack_delay_ms: 0,
    repeated_acknowledgement_status: 409,
    trial_events: 'sent',
    trial_ended: 'after',
    third_attempt_minutes: 15,
    delivered_by: 'any-2xx',
    delivery_timeout_ms: 10_000,
    signature_key_id_field: 'key_id',
    sign: { curve: 'p256', key_container: 'spki', signature_container: 'der', hex_case: 'lower', tamper: 'none' },
  };
}

/** Applies changes in place; signing switches that are not named keep their value. */
export function changeSwitches(switches: Switches, changes: z.infer<typeof switchesSchema>): void {
  const { sign, ...others } = changes;
  Object.assign(switches, others);
  Object.assign(switches.sign, sign);
}
