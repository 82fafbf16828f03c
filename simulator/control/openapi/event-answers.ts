import { z } from 'zod';
import { routeNames } from '../../faults/route-names.js';
import { printedTime, regionName } from './answers.js';

/** What an action made, in the order of the events; `event_id` is the one that was asked for. */
export const madeAnswer = z.strictObject({
  installation_id: z.string(),
  event_id: z.string(),
  events: z.array(z.strictObject({ event_id: z.string(), type: z.string() })),
});

/** `POST …/rotate`. */
export const rotatedAnswer = madeAnswer.extend({ client_id: z.string() });

const attemptAnswer = z.strictObject({
  at: printedTime,
  /** null: there was no answer. */
  status: z.int().nullable(),
  ms: z.number(),
  error: z.string().nullable(),
  /** False for one that was asked for: it stands outside the schedule. */
  scheduled: z.boolean(),
  /** The delivery fault that was applied, in words. */
  fault: z.string().nullable(),
});

/** An event with its attempts. */
export const eventAnswer = z.strictObject({
  event_id: z.string(),
  /** `raw` for bytes that were sent as they are. */
  type: z.string(),
  installation_id: z.string().nullable(),
  created_at: printedTime,
  attempts: z.array(attemptAnswer),
  delivered: z.boolean(),
  next_attempt_at: printedTime.nullable(),
  /** What a delivery fault did to the event as a whole: it was dropped, delayed or held. */
  fault: z.string().nullable(),
});

/** `GET /events`. */
export const eventsAnswer = z.strictObject({ events: z.array(eventAnswer) });

/** One delivery outside the schedule. */
export const deliveryAnswer = z.strictObject({
  status: z.int().nullable(),
  ms: z.number(),
  error: z.string().optional(),
});

/** `POST /events`: the attempt's fields are left out where nothing was sent. */
export const rawSentAnswer = deliveryAnswer.partial().extend({ event_id: z.string() });

/** `GET /events/{event_id}/signed`. */
export const signedAnswer = z.strictObject({ headers: z.record(z.string(), z.string()), body_base64: z.base64() });

/** `POST /signature-keys/rotate`. */
export const rotatedKeyAnswer = z.strictObject({ region: regionName, key_id: z.string() });

/** One request that came in, without secrets. */
export const requestAnswer = z.strictObject({
  n: z.int(),
  at: printedTime,
  route: z.enum(routeNames),
  method: z.string(),
  path: z.string(),
  query: z.string(),
  installation_id: z.string().nullable(),
  /** The client whose token or assertion came: which set of credentials was used. */
  client_id: z.string().nullable(),
  /** The installation had been deprovisioned when the request came. */
  after_uninstall: z.boolean(),
  /** null: held, or the connection was reset instead of an answer. */
  status: z.int().nullable(),
  ms: z.number(),
  verdict: z.string(),
  headers: z.record(z.string(), z.string()),
  body: z.unknown(),
  assertion: z.record(z.string(), z.unknown()).nullable(),
  fault: z.string().nullable(),
  secret_in_url: z.boolean(),
  /** On the machine's clock, in ms since 1970. */
  arrived_ms: z.number(),
  ended_ms: z.number().nullable(),
  /** Why it was refused, as the rules of `GET /verdicts` see it. */
  refusal: z.string().nullable(),
  /** Counts the tokens that were given out: which of them came, and of which installation it is. */
  token_number: z.int().nullable(),
  token_of: z.string().nullable(),
  /** The token that was given out, without the token. */
  issued: z.strictObject({ number: z.int(), expires_at: printedTime, scopes: z.array(z.string()) }).nullable(),
  /** What a decision or acknowledgement did; late, repeated and opposite ones do nothing. */
  decision: z
    .strictObject({
      verb: z.enum(['approve', 'reject', 'acknowledged']),
      effect: z.enum(['took-effect', 'repeated', 'opposite', 'late', 'none']),
      event_id: z.string().nullable(),
    })
    .nullable(),
  /** What waited for a decision when it came, and whether its event had been acknowledged (null: not sent from here). */
  waiting: z.strictObject({ kind: z.string(), event_id: z.string(), acknowledged: z.boolean().nullable() }).nullable(),
  /** Of a page of users: there are more after it. */
  more_pages: z.boolean().nullable(),
  /** The caller had hung up before it was answered. */
  unread: z.boolean(),
  /** How long the answer told the caller to stay away. */
  retry_after_ms: z.number().nullable(),
});

/** `GET /requests`: `dropped` counts the oldest ones that were given up to bound memory. */
export const requestsAnswer = z.strictObject({ requests: z.array(requestAnswer), dropped: z.int() });

/** `GET /secrets`. */
export const secretsAnswer = z.strictObject({ secrets: z.array(z.string()) });
