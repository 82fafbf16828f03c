import type { RequestEntry } from '../ledger.js';
import { breachOf, isAfter, type Rule, wasTold } from './rule.js';

const noSecretInUrl: Rule = {
  rule: 'no-secret-in-url',
  title: 'No token, assertion or secret stands in a URL',
  source: 'talkdesk-api.md 3.2, 4',
  judge({ requests }, seen) {
    for (const entry of requests) {
      if (entry.secret_in_url) seen.broken(breachOf(entry, `The URL of ${entry.method} ${entry.path} holds a secret.`));
      else seen.kept();
    }
  },
};

const wellFormed: Rule = {
  rule: 'well-formed-requests',
  title: 'Requests are as the contract writes them, and name apps and installations that exist',
  source: 'talkdesk-api.md 3.2, 4.4, 4.5, 6',
  judge({ requests }, seen) {
    for (const entry of requests) {
      const { refusal } = entry;
      if (refusal === 'malformed' || refusal === 'app-unknown' || refusal === 'installation-unknown') {
        seen.broken(breachOf(entry, `${entry.method} ${entry.path} was ${entry.verdict}.`));
      } else if (entry.status !== null && entry.fault === null) seen.kept();
    }
  },
};

/** A longer wait than this need not be kept: the contract's own advice is to cap it (talkdesk-api.md 6). */
const longestWaitMs = 300_000;
/** Timers may be early by the roundness of clocks. */
const slackMs = 50;

const retryAfterRespected: Rule = {
  rule: 'retry-after-respected',
  title: 'A route that says Retry-After is left alone for so long',
  source: 'talkdesk-api.md 6',
  judge({ requests }, seen) {
    const refused = new Map<string, RequestEntry>();
    for (const entry of requests) {
      const before = refused.get(entry.route);
      if (before !== undefined && before.ended_ms !== null && entry.arrived_ms >= before.ended_ms) {
        const waitMs = Math.min(before.retry_after_ms ?? 0, longestWaitMs);
        // This simulator's clock may stand still or jump while the backend waits: either clock will do.
        const waitedMs = Math.max(entry.arrived_ms - before.ended_ms, Date.parse(entry.at) - Date.parse(before.at));
        if (waitedMs + slackMs >= waitMs) seen.kept();
        else {
          const told = `request ${before.n} was answered ${before.status} with a Retry-After of ${waitMs / 1000} s`;
          seen.broken(
            breachOf(entry, `The route ${entry.route} was called again after ${waitedMs / 1000} s, but ${told}.`),
          );
        }
        refused.delete(entry.route);
      }
      if (entry.retry_after_ms !== null && !entry.unread) refused.set(entry.route, entry);
    }
  },
};

/** Requests that were under way, and a last look at what became of the approval. */
const settlingMs = 15_000;

const noCallsAfterUninstall: Rule = {
  rule: 'no-calls-after-uninstall',
  title: 'Once the uninstallation is approved, nothing more is asked for',
  source: 'talkdesk-api.md 7.2',
  judge({ installation, requests }, seen) {
    // The answer that said that it is over: the approval's own, or a later one where that was lost.
    let told: RequestEntry | undefined;
    let broken = false;
    for (const entry of requests) {
      const approvesIt =
        entry.decision?.effect === 'took-effect' &&
        entry.waiting?.kind === 'uninstall' &&
        entry.decision.verb === 'approve';
      if (!entry.after_uninstall && !approvesIt) told = undefined;
      else if (told === undefined) {
        if (wasTold(entry)) told = entry;
      } else if (isAfter(entry, told, settlingMs)) {
        broken = true;
        const what = `${entry.method} ${entry.path} came after the uninstallation was over, as request ${told.n} had been told.`;
        seen.broken(breachOf(entry, what));
      }
    }
    if (!broken && installation?.state === 'revoked' && told !== undefined) seen.kept();
  },
};

const dataAccessEnds: Rule = {
  rule: 'no-data-read-after-uninstall-event',
  title: 'Once app.uninstalled is acknowledged, the customer’s data is not read any more',
  source: 'talkdesk-api.md 7.2',
  judge({ requests, events }, seen) {
    const reads = new Map<string, boolean>();
    for (const entry of requests) {
      const { waiting } = entry;
      if (waiting?.kind !== 'uninstall' || waiting.acknowledged !== true) continue;
      const acknowledged = events
        .find(({ id }) => id === waiting.event_id)
        ?.attempts.find(({ delivered }) => delivered);
      if (acknowledged === undefined) continue;
      const isLate = Date.parse(entry.at) > acknowledged.at.getTime() + settlingMs;
      const isBad = isLate && isData(entry);
      reads.set(waiting.event_id, isBad || reads.get(waiting.event_id) === true);
      if (isBad)
        seen.broken(breachOf(entry, `${entry.path} was read while the uninstallation waited for its approval.`));
    }
    for (const isBroken of reads.values()) if (!isBroken) seen.kept();
  },
};

const dataRoutes = new Set(['users', 'subscription', 'trial', 'account', 'account-users', 'account-user']);

function isData({ route }: RequestEntry): boolean {
  return dataRoutes.has(route);
}

/** Rules about requests as such. */
export const requestRules: Rule[] = [
  noSecretInUrl,
  wellFormed,
  retryAfterRespected,
  noCallsAfterUninstall,
  dataAccessEnds,
];
