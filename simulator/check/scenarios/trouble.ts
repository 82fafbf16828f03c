import type { RequestEntry } from '../../client/types.js';
import {
  acknowledged,
  acknowledgementLimitMs,
  approved,
  decisionCalls,
  installed,
  listed,
  settled,
} from '../conduct.js';
import { ScenarioFailure } from '../failure.js';
import type { Scenario } from '../types.js';
import { until } from '../waiting.js';

const retryAfterSeconds = 2;
/** Clocks and timers are not exact to the millisecond. */
const toleranceMs = 50;
const slowMs = 3_000;

/** Scenarios about a Talkdesk that refuses, fails or is slow. */
export const trouble: readonly Scenario[] = [
  {
    name: 'retry-after-respected',
    title: 'After a 429 with Retry-After no call of that kind comes sooner, and the work is then done.',
    requirements: ['technical-certification'],
    needs: ['own-token-per-installation'],
    async run(probe) {
      const { installation_id: id, event_id: event } = await probe.prepare();
      const headers = { 'Retry-After': String(retryAfterSeconds) };
      const body = { code: '0012001', message: 'API rate limit exceeded' };
      for (const route of ['token', 'state']) {
        await probe.fault({ kind: 'status', route, status: 429, headers, body, installation_id: id });
      }
      await acknowledged(probe, event, 'the app.installed event');
      await approved(probe, id, event, 'install');
      const requests = await probe.requests(id);
      for (const route of ['token', 'state']) {
        const calls = requests.filter((request) => request.route === route);
        const refused = calls.findIndex(({ status, fault }) => status === 429 && fault !== null);
        const [limited, next] = calls.slice(refused);
        if (refused < 0 || limited === undefined || next === undefined) continue;
        const waitedMs = Date.parse(next.at) - Date.parse(limited.at);
        probe.note(`${route}: called again after ${(waitedMs / 1000).toFixed(2)} s`);
        if (waitedMs >= retryAfterSeconds * 1000 - toleranceMs) continue;
        throw new ScenarioFailure(
          `After a 429 with Retry-After: ${retryAfterSeconds} the next call of ${route} comes ${retryAfterSeconds} s later.`,
          `It came after ${(waitedMs / 1000).toFixed(2)} s.`,
          'Read Retry-After (seconds or an HTTP date) of a 429 or 503, and wait that long before the next attempt.',
        );
      }
    },
  },
  {
    name: 'failing-api',
    title:
      'Errors and lost answers of the API are survived, and a decision whose answer was lost is not sent again blindly.',
    requirements: ['technical-certification', 'near-real-time'],
    needs: ['own-token-per-installation'],
    async run(probe) {
      const failing = await probe.prepare();
      const about = { installation_id: failing.installation_id };
      await probe.fault({ kind: 'status', route: 'token', status: 500, ...about });
      await probe.fault({ kind: 'reset', route: 'token', ...about });
      for (const route of ['account', 'installation', 'users', 'subscription', 'state']) {
        await probe.fault({ kind: 'status', route, status: 503, ...about });
      }
      await acknowledged(probe, failing.event_id, 'the app.installed event');
      await approved(probe, failing.installation_id, failing.event_id, 'install during errors of the API');

      const lost = await probe.prepare();
      await probe.fault({ kind: 'reset', when: 'after', route: 'state', installation_id: lost.installation_id });
      await acknowledged(probe, lost.event_id, 'the app.installed event');
      await approved(probe, lost.installation_id, lost.event_id, 'install');
      await until(async () => {
        const requests = await probe.requests(lost.installation_id);
        return decided(requests) < requests.length - 1 ? true : undefined;
      }, probe.options.patienceMs / 3);
      const decisions = decisionCalls(await settled(probe, lost.installation_id, { quietMs: 1_500 }));
      if (decisions.length === 1) return;
      throw new ScenarioFailure(
        'An approve that took effect, but whose answer was lost, is not sent a second time.',
        `There were ${decisions.length} decision calls: ${listed(decisions)}.`,
        'Read GET installation after an ambiguous failure and decide from the state found: a decision applies to whatever waits by then.',
      );
    },
  },
  {
    name: 'slow-api',
    title: 'While the API is slow, deliveries are answered as fast as ever, and the work is done in the end.',
    requirements: ['technical-certification', 'near-real-time'],
    needs: ['own-token-per-installation'],
    async run(probe) {
      const slow = await probe.prepare();
      for (const route of ['token', 'installation', 'users', 'state']) {
        await probe.fault({ kind: 'delay', route, delay_ms: slowMs, installation_id: slow.installation_id });
      }
      const { ms } = await acknowledged(probe, slow.event_id, 'the app.installed event');
      const meanwhile = await probe.prepare();
      const { ms: nextMs } = await acknowledged(probe, meanwhile.event_id, 'another app.installed event meanwhile');
      const longest = Math.max(ms, nextMs);
      if (longest >= acknowledgementLimitMs) {
        throw new ScenarioFailure(
          `A delivery is answered in less than ${acknowledgementLimitMs / 1000} s, however slow the API is.`,
          `It took ${(longest / 1000).toFixed(2)} s.`,
          'Store the event and answer; call the API afterwards, never before the answer.',
        );
      }
      await approved(probe, meanwhile.installation_id, meanwhile.event_id, 'install of another account meanwhile');
      await approved(probe, slow.installation_id, slow.event_id, 'install with a slow API');
    },
  },
  {
    name: 'no-secret-in-url',
    title: 'No token, secret or assertion is in a URL, in any request of the whole run.',
    requirements: ['technical-certification'],
    needs: ['install-approved'],
    async run(probe) {
      await installed(probe);
      const leaks = (await probe.client.requests()).filter(({ n, secret_in_url: leak }) => leak && n > probe.before);
      if (leaks.length === 0) return;
      throw new ScenarioFailure(
        'No URL carries a secret: URLs end up in logs on both sides.',
        `${leaks.length} ${leaks.length === 1 ? 'request' : 'requests'} had one in path or query: ${listed(leaks)}.`,
        'Send the token in the Authorization header and the assertion in the form body.',
      );
    },
  },
];

/** Where the first decision call is, -1 without any. */
function decided(requests: readonly RequestEntry[]): number {
  const at = requests.findIndex(({ route }) => route === 'state');
  return at < 0 ? requests.length : at;
}
