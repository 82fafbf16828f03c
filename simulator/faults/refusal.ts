import {
  accountErrors,
  actionErrors,
  type ErrorShapes,
  installationErrors,
  meErrors,
  shortErrors,
  usersErrors,
} from '../routes/access.js';
import { codedError, oauthError, type Reply, shortError } from '../routes/reply.js';
import type { RouteName } from './route-names.js';
import type { RouteFault } from './schema.js';

type Of<K extends RouteFault['kind']> = Extract<RouteFault, { kind: K }>;

/** The answer of a `refusal`, in the shape of the route (talkdesk-api.md 4.6). */
export function refusalReply({ refusal }: Of<'refusal'>, route: RouteName, verdict: string): Reply {
  switch (refusal) {
    case 'unauthorized':
      if (route === 'token') return tokenError(401, 'invalid_client', 'Client authentication failed', verdict);
      return shapes[route].unauthorized(verdict);
    case 'ip-not-allowed':
      // A customer's list of addresses; the shape of its refusal is not documented (talkdesk-api.md 6).
      if (route === 'token') return tokenError(403, 'access_denied', 'IP address not allowed', verdict);
      return shapes[route].forbidden('IP address not allowed', verdict);
    case 'not-found':
      if (route === 'token') return tokenError(404, 'not_found', 'Not found', verdict);
      if (route === 'signature-keys') return codedError(404, '0080021', 'Signature key not found', verdict);
      return shapes[route].installationNotFound(verdict);
    case 'conflict':
      if (route === 'token') return tokenError(409, 'conflict', 'Conflict', verdict);
      if (shapes[route] === shortErrors) return shortError(409, 'Conflict with the current state', verdict);
      return codedError(409, '0030227', 'Conflicts with the current state', verdict);
    case 'server-error':
      return shortError(500, 'Internal Server Error', verdict);
    case 'bad-gateway':
      return shortError(502, 'Bad Gateway', verdict);
    case 'unavailable':
      return shortError(503, 'Service Unavailable', verdict);
    case 'gateway-timeout':
      return shortError(504, 'Gateway Timeout', verdict);
  }
}

function tokenError(status: number, error: string, description: string, verdict: string): Reply {
  return { ...oauthError(status, error, description), verdict };
}

/** The token endpoint has a shape of its own, and the keys are for everybody. */
const shapes: Record<Exclude<RouteName, 'token'>, ErrorShapes> = {
  account: accountErrors,
  installation: installationErrors,
  users: shortErrors,
  subscription: shortErrors,
  trial: actionErrors,
  state: shortErrors,
  'credentials-state': actionErrors,
  'credentials-rotate': actionErrors,
  'signature-keys': installationErrors,
  'account-users': usersErrors,
  'account-user': usersErrors,
  me: meErrors,
};

/** Ten years. */
const absurdSeconds = 315_360_000;

/** The answer of a `rate-limit`: the gateway's own, and in the body the one that sheds load (talkdesk-api.md 6). */
export function rateLimitReply(fault: Of<'rate-limit'>, now: Date, verdict: string): Reply {
  const { status = 429, retry_after: form = 'seconds', retry_after_seconds: seconds = 2 } = fault;
  if (form === 'body') {
    const fields = [{ name: 'retry-after', description: String(seconds) }];
    return codedError(status, '0020017', 'Too many requests', verdict, fields);
  }
  const until = new Date(now.getTime() + seconds * 1000).toUTCString();
  const headers: Record<typeof form, Record<string, string>> = {
    seconds: { 'Retry-After': String(seconds) },
    // A date says something only beside the sender's own.
    date: { Date: now.toUTCString(), 'Retry-After': until },
    absurd: { 'Retry-After': String(absurdSeconds) },
    negative: { 'Retry-After': '-30' },
    words: { 'Retry-After': 'in a little while' },
    absent: {},
  };
  const limited = codedError(status, '0012001', 'API rate limit exceeded', verdict);
  return { ...limited, headers: headers[form] };
}
