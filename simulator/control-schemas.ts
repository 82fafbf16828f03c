import { z } from 'zod';
import { keyAlgorithms, keyContainers } from './client-keys.js';
import { signSchema } from './switches.js';

const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an absolute http or https URL' });
const identifier = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "-" or "_"');
const time = z.iso.datetime({ offset: true, error: 'must be an ISO 8601 time such as 2026-01-05T10:00:00Z' });

/** `PUT /_control/apps/{app_id}`. */
export const appSchema = z.strictObject({ callback_url: httpUrl, scopes: z.array(z.string().min(1)).optional() });

/** An app id in a path. */
export const appIdSchema = identifier;

/** `POST /_control/installations`. */
export const installationSchema = z.strictObject({
  app_id: identifier,
  account_name: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be a subdomain: lower case letters, digits, "-"')
    .optional(),
  account_id: identifier.optional(),
  users: z.int().min(0).max(100_000).optional(),
  plan: z.string().min(1).max(100).optional(),
  licenses: z.int().min(0).max(1_000_000).optional(),
  key_algorithm: z.enum(keyAlgorithms).optional(),
  key_container: z.enum(keyContainers).optional(),
  deliver: z.boolean().optional(),
  created_at: time.optional(),
});

/** `POST /_control/events/{event_id}/deliver`. */
export const deliverSchema = z.strictObject({ sign: signSchema.optional(), callback_url: httpUrl.optional() });

/** Ten years. */
const largestAdvanceMs = 3_650 * 86_400_000;

/** `POST /_control/clock`: one of the two. */
export const clockSchema = z
  .strictObject({
    advance_ms: z.int().min(0).max(largestAdvanceMs).optional(),
    set: time.optional(),
  })
  .refine((move) => (move.advance_ms === undefined) !== (move.set === undefined), 'give one of advance_ms and set');

/** A control request that cannot be carried out; its message is the sentence that says what is allowed. */
export class ControlProblem extends Error {
  override readonly name = 'ControlProblem';

  constructor(
    readonly status: 400 | 404,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Reads control input.
 * @throws ControlProblem 400 that names each wrong field and what it may be
 */
export function readInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input ?? {});
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => describeIssue(issue));
  const allowed = schema instanceof z.ZodObject ? ` Allowed fields: ${Object.keys(schema.shape).join(', ')}.` : '';
  throw new ControlProblem(400, `${problems.join('; ')}.${allowed}`);
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    return [
      `one of: ${issue.errors.map((option) => option.flatMap((inner) => describeIssue(inner)).join(', ')).join(' | ')}`,
    ];
  }
  const where = issue.path.length === 0 ? 'input' : issue.path.join('.');
  return [`${where}: ${issue.message}`];
}
