import { z } from 'zod';
import { regionNames } from '../world/regions.js';
import { signSchema } from '../world/switches.js';
import { durationMs, durationSchema } from './duration.js';
import { routeNames } from './route-names.js';
import { byKind, strict } from './strict.js';

/** Which requests or deliveries a fault hits, and how often; what is left out does not narrow it. */
const matching = {
  /** Hits so many and is used up; 1 unless said, and no limit for one with `lasts` or `probability`. */
  times: z.int().min(1).optional(),
  /** Lets the first so many that match pass. */
  skip: z.int().min(1).optional(),
  /** Hits each that matches with this chance; the draws follow from `seed`. */
  probability: z.number().gt(0).max(1).optional(),
  seed: z.int().min(0).max(4_294_967_295).optional(),
  /** Is over after so long on the simulator's clock. */
  lasts: durationSchema.refine((text) => durationMs(text) > 0, 'must be longer than 0s').optional(),
  installation_id: z.string().min(1).optional(),
  account_id: z.string().min(1).optional(),
  region: z.enum(regionNames).optional(),
};

const anyRoute = [...routeNames, 'any'] as const;
const onRoute = {
  route: z.enum(anyRoute, {
    error: `must be one of ${anyRoute.map((name) => `"${name}"`).join('|')}; a fault of deliveries has the route "delivery", or stands under deliveries in a scenario file`,
  }),
  ...matching,
  /** The client whose token or assertion came. */
  client_id: z.string().min(1).optional(),
};
/** `before`: the request has no effect yet (or none at all); `after`: it took effect, the answer suffers. */
const onEither = { ...onRoute, when: z.enum(['before', 'after']).optional() };

const headerName = z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, 'must be the name of a header');
const headerValue = z.string().regex(/^[ -~]*$/, 'must be one line of printable ASCII');
/** They say how an answer is sent, which the simulator's own server decides; other faults send less than they say. */
const ownHeaders = ['connection', 'content-length', 'transfer-encoding'];
const statusHeaders = z.record(
  headerName.refine(
    (name) => !ownHeaders.includes(name.toLowerCase()),
    `must be none of ${ownHeaders.join(', ')}: the simulator sets them itself`,
  ),
  headerValue,
);

const origin = z
  .url({ protocol: /^https?$/, error: 'must be an absolute http or https URL' })
  .refine(
    (text) => !URL.canParse(text) || new URL(text).origin === text,
    'must be an origin: no path, no slash at its end',
  )
  .optional();
const links = z.array(z.string().min(1)).min(1).optional();

/** Refusals in the shape that each route documents (talkdesk-api.md 4.6); 5xx are not documented. */
const refusals = [
  'unauthorized',
  'ip-not-allowed',
  'not-found',
  'conflict',
  'server-error',
  'bad-gateway',
  'unavailable',
  'gateway-timeout',
] as const;

/** How a 429 or 503 says when to come back (talkdesk-api.md 6); the last ones are what a client must survive. */
const retryAfterForms = ['seconds', 'date', 'body', 'absurd', 'negative', 'words', 'absent'] as const;

/** A fault of a route as data. */
export const routeFaultSchema = byKind('kind', [
  strict({
    ...onEither,
    kind: z.literal('status'),
    status: z.int().min(200).max(599),
    headers: statusHeaders.optional(),
    body: z.unknown().optional(),
  }),
  strict({ ...onEither, kind: z.literal('refusal'), refusal: z.enum(refusals) }),
  strict({
    ...onEither,
    kind: z.literal('rate-limit'),
    status: z.literal([429, 503]).optional(),
    retry_after: z.enum(retryAfterForms).optional(),
    /** Counts for seconds, date and body; 2 unless said. */
    retry_after_seconds: z.int().min(0).max(86_400).optional(),
  }),
  strict({ ...onEither, kind: z.literal('html'), status: z.int().min(200).max(599).optional() }),
  strict({ ...onEither, kind: z.literal('delay'), delay_ms: z.int().min(0).max(600_000) }),
  strict({ ...onEither, kind: z.literal('hold') }),
  strict({ ...onEither, kind: z.literal('reset') }),
  /** Nothing is ever answered; the connection stays until the caller hangs up. */
  strict({ ...onEither, kind: z.literal('silence') }),
  /** Those below need the true answer, so the request takes effect first. `json`: a whole answer of half a text. */
  strict({ ...onRoute, kind: z.literal('truncated'), cut: z.enum(['json', 'connection']).optional() }),
  strict({ ...onRoute, kind: z.literal('content-type'), content_type: headerValue.min(1).max(200).optional() }),
  /** The true answer after so much white space, which JSON allows. */
  strict({ ...onRoute, kind: z.literal('oversized'), bytes: z.int().min(1).max(1_000_000_000).optional() }),
  strict({ ...onRoute, kind: z.literal('drip'), bytes_per_second: z.int().min(1).max(1_000_000) }),
  /** The Date header and the times in the answer are off by so much; negative: behind. */
  strict({ ...onRoute, kind: z.literal('clock-skew'), seconds: z.int().min(-31_536_000).max(31_536_000) }),
  /** Links of the answer lead to another origin: all, or those named. */
  strict({ ...onRoute, kind: z.literal('forged-links'), origin, links }),
]);
export type RouteFaultInput = z.infer<typeof routeFaultSchema>;
export type RouteFault = RouteFaultInput & { when: 'before' | 'after' };

const faultySign = strict(signSchema.shape).refine(
  (sign) => Object.values(sign).some((value) => value !== undefined),
  `must name at least one of ${Object.keys(signSchema.shape).join(', ')}`,
);

const onDelivery = { ...matching, event_type: z.string().min(1).optional() };

/** The kinds of delivery faults, with these fields and no `route` unless it is among them. */
function deliveryKinds<T extends z.core.$ZodShape>(common: T) {
  return byKind('kind', [
    /** Signed another way than the switches say, or wrongly (`tamper`). */
    strict({ ...common, kind: z.literal('signature'), sign: faultySign }),
    /** So many more of the same, whatever is answered: together with the first, or each so much later than the one before. */
    strict({
      ...common,
      kind: z.literal('duplicate'),
      copies: z.int().min(1).max(50).optional(),
      delay: durationSchema.optional(),
    }),
    /** Held until the next event of the same installation was delivered, an hour at most unless said. */
    strict({ ...common, kind: z.literal('reorder'), at_most: durationSchema.optional() }),
    strict({ ...common, kind: z.literal('delay'), delay: durationSchema }),
    /** The body is sent, the connection is cut, and the answer is not read: a failure to the sender. */
    strict({ ...common, kind: z.literal('crash') }),
    /** The event is never sent. */
    strict({ ...common, kind: z.literal('drop') }),
    /** Gives up after so long, on the machine's clock. */
    strict({ ...common, kind: z.literal('timeout'), timeout_ms: z.int().min(1).max(600_000) }),
    /** Links of the event lead to another origin, under a good signature: all, or those named. */
    strict({ ...common, kind: z.literal('forged-links'), origin, links }),
  ]);
}

/** A fault of deliveries as data: those that an event's schedule makes, not those that the control API asks for one by one. */
export const deliveryFaultSchema = deliveryKinds({ route: z.literal('delivery'), ...onDelivery });
export type DeliveryFault = z.infer<typeof deliveryFaultSchema>;

/** The same where it is said elsewhere that it is about deliveries. */
export const unroutedDeliveryFaultSchema = deliveryKinds(onDelivery);

/** What `POST /_control/faults` takes. */
export const faultSchema = z.union([routeFaultSchema, deliveryFaultSchema]);
export type FaultInput = z.infer<typeof faultSchema>;

/** The one of both schemas that an input means, so that what is wrong with it is told of that one only. */
export function faultSchemaFor(input: unknown): z.ZodType<FaultInput> {
  const route = typeof input === 'object' && input !== null ? (input as { route?: unknown }).route : undefined;
  return route === 'delivery' ? deliveryFaultSchema : routeFaultSchema;
}
