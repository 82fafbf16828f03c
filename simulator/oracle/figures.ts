import type { Subject } from './rules/rule.js';
import { countTokens } from './rules/tokens.js';

/** Numbers beside the verdicts; times in ms, null where there is nothing to count. */
export interface Figures {
  requests: number;
  /** Of all requests, the oldest ones that were given up to bound memory: no rule could look at them. */
  dropped: number;
  installations: number;
  decisions: { effective: number; without_effect: number };
  tokens: {
    issued: number;
    /** Fetched while one for the same client and scopes was still good. */
    needless: number;
    /** Calls of the other routes. */
    calls: number;
    /** Tokens for each call: the lower, the more they are used again. */
    ratio: number | null;
  };
  acknowledgement: {
    deliveries: number;
    answered: number;
    p50_ms: number | null;
    p90_ms: number | null;
    p99_ms: number | null;
    max_ms: number | null;
  };
}

/** Counts subject by subject. */
export function createFigures(): { count(subject: Subject): void; read(dropped: number): Figures } {
  const times: number[] = [];
  let requests = 0;
  let installations = 0;
  let deliveries = 0;
  const decisions = { effective: 0, without_effect: 0 };
  const tokens = { issued: 0, needless: 0, calls: 0 };

  return {
    count(subject) {
      requests += subject.requests.length;
      if (subject.installation !== undefined) installations += 1;
      for (const { process } of subject.installation?.decisions ?? []) {
        if (process === null) decisions.without_effect += 1;
        else decisions.effective += 1;
      }
      const { issued, needless, calls } = countTokens(subject.requests);
      tokens.issued += issued;
      tokens.needless += needless;
      tokens.calls += calls;
      for (const { attempts } of subject.events) {
        deliveries += attempts.length;
        for (const { status, ms } of attempts) if (status !== null) times.push(ms);
      }
    },
    read(dropped) {
      times.sort((a, b) => a - b);
      const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? null;
      return {
        requests,
        dropped,
        installations,
        decisions,
        tokens: {
          ...tokens,
          ratio: tokens.calls === 0 ? null : Math.round((tokens.issued / tokens.calls) * 1000) / 1000,
        },
        acknowledgement: {
          deliveries,
          answered: times.length,
          p50_ms: at(0.5),
          p90_ms: at(0.9),
          p99_ms: at(0.99),
          max_ms: times.at(-1) ?? null,
        },
      };
    },
  };
}
