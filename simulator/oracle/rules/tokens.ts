import type { RequestEntry } from '../ledger.js';
import { breachOf, isAfter, type Rule, wasTold } from './rule.js';

const rightToken: Rule = {
  rule: 'right-token',
  title: 'Each call carries a token of the very installation it is about',
  source: 'talkdesk-api.md 3.4',
  judge({ requests }, seen) {
    for (const entry of requests) {
      if (entry.refusal === 'other-installation') {
        seen.broken(breachOf(entry, `The token belongs to another installation, ${entry.token_of}.`));
      } else if (entry.refusal === 'token-missing') {
        seen.broken(breachOf(entry, 'No bearer token came in the Authorization header.'));
      } else if (entry.refusal === 'token-unknown') {
        seen.broken(breachOf(entry, 'The token was not given out here.'));
      } else if (entry.token_of !== null) seen.kept();
    }
  },
};

const rightRegion: Rule = {
  rule: 'right-region',
  title: 'Calls go to the gateway and token service that the events name',
  source: 'talkdesk-api.md 3.1',
  judge({ requests }, seen) {
    for (const entry of requests) {
      if (entry.refusal === 'other-region') {
        seen.broken(breachOf(entry, 'The call went to another region than the installation lives in.'));
      } else if (entry.token_of !== null || entry.issued !== null) seen.kept();
    }
  },
};

/** A backend may be slow to take a new token in use where calls are under way. */
const underWayMs = 1000;

const refusedTokenDropped: Rule = {
  rule: 'refused-token-dropped',
  title: 'A token that was answered 401 is not used again',
  source: 'talkdesk-api.md 3.4',
  judge({ requests }, seen) {
    const refused = new Map<number, { entry: RequestEntry; usedAgain: boolean }>();
    for (const entry of requests) {
      const { token_number: number, refusal } = entry;
      if (number === null) continue;
      const before = refused.get(number);
      if (before === undefined) {
        const isDead = refusal === 'token-expired' || refusal === 'token-revoked';
        if (isDead && wasTold(entry)) refused.set(number, { entry, usedAgain: false });
      } else if (isAfter(entry, before.entry, underWayMs)) {
        before.usedAgain = true;
        seen.broken(
          breachOf(entry, `The token was used again, although request ${before.entry.n} had been answered 401.`),
        );
      }
    }
    for (const { usedAgain } of refused.values()) if (!usedAgain) seen.kept();
  },
};

/** A token with less time than this before it is renewed ahead of its end. */
const renewalMs = 60_000;
/** Several processes of a backend may each hold a token of their own. */
const needlessAllowed = 2;

const tokenReuse: Rule = {
  rule: 'token-reuse',
  title: 'A token is used until it ends, not fetched for each call',
  source: 'talkdesk-api.md 3.4',
  judge({ requests }, seen) {
    const { needless, calls, last } = countTokens(requests);
    if (last === undefined || calls === 0) return;
    if (needless <= needlessAllowed || needless * 2 <= calls) seen.kept();
    else {
      const what = `${needless} tokens were fetched while one for the same client and scopes was still good, for ${calls} calls.`;
      seen.broken(breachOf(last, what, null));
    }
  },
};

/** Tokens given out, those of them that were needless, the calls that the rest of the API got, and the last token request. */
export function countTokens(requests: readonly RequestEntry[]): {
  issued: number;
  needless: number;
  calls: number;
  last: RequestEntry | undefined;
} {
  const good = new Map<string | null, { number: number; untilMs: number; scopes: readonly string[] }>();
  let issued = 0;
  let needless = 0;
  let calls = 0;
  let last: RequestEntry | undefined;
  for (const entry of requests) {
    if (entry.route !== 'token') {
      calls += 1;
      const held = good.get(entry.client_id);
      if (entry.status === 401 && held !== undefined) good.delete(entry.client_id);
      continue;
    }
    if (entry.issued === null || !wasTold(entry)) continue;
    issued += 1;
    last = entry;
    const { number, scopes } = entry.issued;
    const held = good.get(entry.client_id);
    const isCovered =
      held !== undefined && held.untilMs > Date.parse(entry.at) && scopes.every((scope) => held.scopes.includes(scope));
    if (isCovered) needless += 1;
    good.set(entry.client_id, { number, untilMs: Date.parse(entry.issued.expires_at) - renewalMs, scopes });
  }
  return { issued, needless, calls, last };
}

const assertionCorrect: Rule = {
  rule: 'assertion-correct',
  title: 'Client assertions are right: aud, alg, kid, exp, iat, jti, signature',
  source: 'talkdesk-api.md 3.2',
  judge({ requests }, seen) {
    for (const entry of requests) {
      if (entry.route !== 'token') continue;
      if (isAssertionRefusal(entry.refusal)) {
        if (!isRightByMachineTime(entry))
          seen.broken(breachOf(entry, `The assertion was refused: ${reasonOf(entry)}.`));
      } else if (entry.issued !== null && entry.assertion !== null) seen.kept();
    }
  },
};

function isAssertionRefusal(refusal: RequestEntry['refusal']): boolean {
  return (
    refusal !== null &&
    (refusal.startsWith('assertion-') || refusal === 'client-unknown' || refusal === 'other-account')
  );
}

/** Times that are wrong only because this simulator's clock was moved, and the backend was not told. */
function isRightByMachineTime({ refusal, assertion, arrived_ms: arrivedMs }: RequestEntry): boolean {
  if (refusal !== 'assertion-exp' && refusal !== 'assertion-iat' && refusal !== 'assertion-nbf') return false;
  const secondsAhead = (name: string) => Number(assertion?.[name] ?? Number.NaN) - arrivedMs / 1000;
  const startsInTime = !(secondsAhead('iat') > 60) && !(secondsAhead('nbf') > 60);
  return startsInTime && secondsAhead('exp') > 0 && secondsAhead('exp') <= 360;
}

function reasonOf({ verdict }: RequestEntry): string {
  return verdict.replace(/^refused: /, '');
}

const signedJwtUsed: Rule = {
  rule: 'signed-jwt-used',
  title: 'Tokens are asked for with a signed JWT, which listing requires',
  source: 'talkdesk-api.md 3.3, 8',
  judge({ requests }, seen) {
    for (const entry of requests) {
      if (entry.route !== 'token' || entry.issued === null) continue;
      if (entry.assertion !== null) seen.kept();
      else
        seen.broken(breachOf(entry, 'The token was asked for with the client secret instead of a signed assertion.'));
    }
  },
};

const scopesAsked: Rule = {
  rule: 'scopes-asked',
  title: 'Scopes that were not granted are not asked for, and those that a call needs are',
  source: 'talkdesk-api.md 3.4, 3.5',
  judge({ requests }, seen) {
    for (const entry of requests) {
      if (entry.refusal === 'scope-not-granted') {
        seen.broken(breachOf(entry, `A scope was asked for that the customer has not granted: ${reasonOf(entry)}.`));
      } else if (entry.refusal === 'scope-missing') {
        seen.broken(breachOf(entry, `The call needs a scope that was not asked for: ${reasonOf(entry)}.`));
      } else if (entry.issued !== null) seen.kept();
    }
  },
};

/** Rules about tokens: how they are asked for and what they are used for. */
export const tokenRules: Rule[] = [
  assertionCorrect,
  signedJwtUsed,
  scopesAsked,
  rightToken,
  rightRegion,
  tokenReuse,
  refusedTokenDropped,
];
