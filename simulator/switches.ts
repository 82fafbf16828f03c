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
