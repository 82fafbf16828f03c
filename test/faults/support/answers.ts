import type { FaultRoute, RouteFaultInput } from '../../support/simulator.js';

/** Routes whose answer an install waits for, in the order in which it comes to them, and the one of a rotation. */
export const ROUTES = [
  'token',
  'account',
  'installation',
  'users',
  'subscription',
  'state',
  'credentials-state',
] as const satisfies readonly FaultRoute[];
type AnsweredRoute = (typeof ROUTES)[number];

/** What goes wrong; which installation, route and how often is added to it. */
type Wrong = RouteFaultInput extends infer F ? (F extends unknown ? Omit<F, 'route' | 'times'> : never) : never;

/** One wrong answer of one route, and how a process gets over it. */
export interface WrongAnswer {
  route: AnsweredRoute;
  name: string;
  wrong: Wrong;
  /** So many requests meet it: the quick attempt and a durable one, unless one of them is enough. */
  times: number;
  /**
   * How it waits for somebody to mend what is wrong (docs/lifecycle.md), who then wakes the run: parked, or with attempts far apart;
   * null: it needs nobody.
   */
  waits: 'parked' | 'long' | null;
}

/** How the wrong answers of one kind look on each route. */
export interface Kind {
  name: string;
  on(route: AnsweredRoute): WrongAnswer;
}

type Exceptions = Partial<Record<AnsweredRoute, Partial<Omit<WrongAnswer, 'name' | 'route'>>>>;

function kind(name: string, wrong: Wrong, exceptions: Exceptions = {}, waits: WrongAnswer['waits'] = null): Kind {
  return { name, on: (route) => ({ route, name, wrong, times: 2, waits, ...exceptions[route] }) };
}

/** The same for each route. */
function onEach(input: Partial<WrongAnswer>): Exceptions {
  return Object.fromEntries(ROUTES.map((route) => [route, input]));
}

const refusal = (name: Extract<Wrong, { kind: 'refusal' }>['refusal']): Wrong => ({ kind: 'refusal', refusal: name });

/** Attempts on an API route use a fresh token once, so each meets it twice; the token route itself has no second way. */
const unauthorized = kind('401', refusal('unauthorized'), { ...onEach({ times: 4 }), token: { times: 2 } }, 'long');
const forbidden = kind('403', refusal('ip-not-allowed'), {}, 'parked');
/** Believed only after a short grace where it says something of the installation; no subscription is an answer. */
const notFound = kind('404', refusal('not-found'), {
  token: { waits: 'parked' },
  account: { waits: 'parked' },
  subscription: { times: 1 },
});
/** The code of a repeated acknowledgement would mean that it had taken effect, so this one has another. */
const conflict = kind('409', refusal('conflict'), {
  'credentials-state': { wrong: { kind: 'status', status: 409, body: { code: '0030000', message: 'Conflict' } } },
});
export const REFUSALS = [unauthorized, forbidden, notFound, conflict];

const limited = (form: NonNullable<Extract<Wrong, { kind: 'rate-limit' }>['retry_after']>): Kind =>
  kind(`429, Retry-After: ${form}`, { kind: 'rate-limit', retry_after: form });
/** Forms that say when to come back, and such that say nothing. */
export const ASKING = [
  ...(['seconds', 'date', 'body'] as const).map(limited),
  kind('503, Retry-After: seconds', { kind: 'rate-limit', status: 503, retry_after: 'seconds' }),
];
export const SAYING_NOTHING = (['negative', 'words', 'absent'] as const).map(limited);
/** Ten years. */
export const ABSURD = kind('429, Retry-After: absurd', { kind: 'rate-limit', retry_after: 'absurd' }, {}, 'long');

export const SERVER_ERRORS = [
  kind('500', refusal('server-error')),
  kind('502', refusal('bad-gateway')),
  kind('503', refusal('unavailable')),
  kind('504', refusal('gateway-timeout')),
];

/** A decision or acknowledgement that was applied is one, whatever becomes of the answer's body. */
const applied: Exceptions = { state: { times: 1 }, 'credentials-state': { times: 1 } };
/** A 2xx to a decision would be a lie without the effect, so there a proxy's page says that it failed. */
const instead = (wrong: Wrong): Exceptions => ({ state: { wrong }, 'credentials-state': { wrong } });
export const BROKEN_BODIES = [
  kind('HTML', { kind: 'html', status: 200 }, instead({ kind: 'html', status: 502 })),
  kind('empty', { kind: 'status', status: 200, body: '' }, instead({ kind: 'status', status: 502, body: '' })),
  kind('half of the JSON', { kind: 'truncated', cut: 'json' }, applied),
  kind('connection cut within the answer', { kind: 'truncated', cut: 'connection' }, applied),
];
export const OVERSIZED = kind('50 MB', { kind: 'oversized', bytes: 50_000_000 }, applied);
export const SLOW = [
  kind('one byte per second', { kind: 'drip', bytes_per_second: 1 }, applied),
  kind('never', { kind: 'silence' }),
];
