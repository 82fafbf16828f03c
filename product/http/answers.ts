import { z } from 'zod';
import { ProductConfigurationError } from '../errors.js';
import type { Pending, Refusal } from '../port.js';
import type { ProductResponse } from './transport.js';

/** Longest name of work under way (product/port.ts). */
const MAX_OPERATION_LENGTH = 2_000;
const HTTP_DATE = /^[A-Z][a-z]{2}, .+ GMT$/;

const id = z.string().min(1);
const seat = z.enum(['active', 'suspended']);
const count = z.int().nonnegative();

/** What a 200 carries, call by call; more is ignored. Where nothing is needed, a body that cannot be read says no less. */
export const nothing = z.unknown().transform(() => ({}));
export const provisioned = z.object({ productAccountId: id });
export const syncedUsers = z.object({
  users: z.array(z.object({ talkdeskUserId: z.string(), productUserId: id, seat })),
});
export const changes = z.object({ add: count, resume: count, suspend: count });
export const account = z.object({
  productAccountId: id,
  accountName: z.string(),
  status: seat,
  generation: z.int(),
  activeUsers: count,
});

const refusal = z.object({ reason: z.string().refine((text) => text.trim() !== '') });
const pending = z.object({ operation: z.string().min(1).optional() });

/** Who answered what, for messages. */
export interface Asked {
  call: string;
  host: string;
}

/**
 * What a 200 or 204 carries.
 *
 * @throws Error when the body is not what the call needs; names fields, never their values
 */
export function readDone<T>({ call, host }: Asked, { body }: ProductResponse, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(parseJson(body));
  if (parsed.success) return parsed.data;
  const fields = [...new Set(parsed.error.issues.map(({ path }) => path.join('.') || 'the body'))].slice(0, 5);
  throw new Error(`The answer of ${host} to ${call} cannot be used, because of: ${fields.join(', ')}.`);
}

/**
 * The reason of a 404, 409 or 422.
 *
 * @throws Error when there is none: web frameworks and proxies answer so, too, for reasons of their own
 */
export function readRefusal(asked: Asked, { status, body }: ProductResponse): Refusal {
  const parsed = refusal.safeParse(parseJson(body));
  if (parsed.success) return { status: 'refused', reason: parsed.data.reason };
  throw new Error(
    `${asked.host} answered ${status} to ${asked.call} without a reason, which is no answer of a product.`,
  );
}

/** The name that a 202 without a status address gives its work. */
export function readPendingOperation({ body }: ProductResponse): string | undefined {
  return pending.safeParse(parseJson(body)).data?.operation;
}

/**
 * The pending answer.
 *
 * @throws Error when the operation is longer than the port allows
 */
export function pendingAnswer(asked: Asked, operation: string | undefined, retryAfterMs: number | null): Pending {
  if (operation !== undefined && operation.length > MAX_OPERATION_LENGTH) {
    throw new Error(`${asked.host} named the pending ${asked.call} by more than ${MAX_OPERATION_LENGTH} characters.`);
  }
  return {
    status: 'pending',
    ...(operation === undefined ? {} : { operation }),
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
  };
}

/** When to ask again, from `Retry-After` in seconds or as a date; null when it does not say. */
export function readRetryAfterMs({ headers }: ProductResponse, now: Date): number | null {
  const text = headers['retry-after']?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  // Date.parse alone takes `-5` for a month.
  const at = HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) return null;
  // The product's own clock, if it tells it: then it does not matter by how much the two differ.
  const answered = Date.parse(headers.date ?? '');
  return Math.max(0, at - (Number.isNaN(answered) ? now.getTime() : answered));
}

/** The error for a status that is no answer: whether the call had its effect is open. */
export function unexpected({ call, host }: Asked, status: number): Error {
  if (status === 401 || status === 403) {
    return new ProductConfigurationError(
      `${host} answered ${status} to ${call}: it does not accept the signature. Check signingSecret on both sides, and the product's clock.`,
    );
  }
  return new Error(`${host} answered ${status} to ${call}.`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
