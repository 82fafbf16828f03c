import type { Delivery } from '../../client/types.js';
import { acknowledgementLimitMs, answerOf, installed, isSuccess } from '../conduct.js';
import { ScenarioFailure } from '../failure.js';
import type { Probe } from '../probe.js';
import type { Scenario } from '../types.js';
import { until } from '../waiting.js';

const perSecond = 50;
const seconds = 4;
/** Of so many deliveries one is an app.installed and one a user.logout; the others, of a type that is not known, are stored only. */
const mixLength = 25;
/** The list of all installations is long. */
const lookEveryMs = 250;

/** How fast deliveries are answered when many come. */
export const load: readonly Scenario[] = [
  {
    name: 'acknowledgement-load',
    title: `At ${perSecond} events a second each is answered 2xx in less than ${acknowledgementLimitMs / 1000} s.`,
    requirements: ['near-real-time', 'technical-certification'],
    needs: ['unknown-event'],
    async run(probe) {
      // A moment at which the machine was busy with something else is no verdict on the backend.
      let worst = await oneRound(probe);
      if (worst !== null) worst = await oneRound(probe);
      if (worst !== null) throw worst;
    },
  },
];

/** @returns the failure that the round would be, or null */
async function oneRound(probe: Probe): Promise<ScenarioFailure | null> {
  const { events, ids } = await prepareMix(probe);
  const startMs = performance.now();
  const answers: Delivery[] = await Promise.all(
    events.map(async (event, n) => {
      await probe.pause((n * 1_000) / perSecond);
      return await probe.client.deliver(event);
    }),
  );
  const tookSeconds = (performance.now() - startMs) / 1_000;
  const ms = answers.map((answer) => answer.ms).sort((a, b) => a - b);
  const at = (part: number) => `${(ms[Math.min(ms.length - 1, Math.floor(ms.length * part))] ?? 0).toFixed(0)} ms`;
  const percentiles = `p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}, longest ${at(1)}`;
  probe.note(`${answers.length} deliveries in ${tookSeconds.toFixed(1)} s, answered in ${percentiles}`);
  await approvals(probe, ids, startMs);
  const refused = answers.filter(({ status }) => !isSuccess(status));
  const slow = ms.filter((one) => one >= acknowledgementLimitMs).length;
  if (refused.length === 0 && slow === 0) return null;
  const bad =
    refused.length === 0 ? '' : `${refused.length} were not answered 2xx (the webhook ${answerOf(refused[0])}). `;
  return new ScenarioFailure(
    `Each of ${answers.length} deliveries, ${perSecond} a second, is answered 2xx in less than ${acknowledgementLimitMs / 1000} s.`,
    `Twice not; the second time: ${bad}${slow} took longer, p99 was ${at(0.99)}, the longest ${at(1)}.`,
    'Verify, store and answer in the request; do everything else afterwards, and bound how much of it runs at once.',
  );
}

/** Notes how long the installations of a round took; their time is no verdict. */
async function approvals(probe: Probe, ids: ReadonlySet<string>, startMs: number): Promise<void> {
  const { patienceMs } = probe.options;
  const approvedAfter = await until(
    async () => {
      const all = await probe.client.installations();
      const waiting = all.some(({ installation_id: id, state }) => ids.has(id) && state !== 'completed');
      return waiting ? undefined : (performance.now() - startMs) / 1_000;
    },
    patienceMs,
    lookEveryMs,
  );
  const all = `the ${ids.size} installations among them were`;
  probe.note(
    approvedAfter === undefined
      ? `not all of ${all} approved within ${patienceMs / 1_000} s`
      : `${all} approved ${approvedAfter.toFixed(1)} s after the first delivery`,
  );
}

async function prepareMix(probe: Probe): Promise<{ events: string[]; ids: ReadonlySet<string> }> {
  const { installation_id: known } = await installed(probe);
  const installations = await Promise.all(
    Array.from({ length: (perSecond * seconds) / mixLength }, () => probe.prepare()),
  );
  const waiting = installations.map(({ event_id }) => event_id);
  const events: string[] = [];
  for (let n = 0; n < perSecond * seconds; n += 1) {
    const place = n % mixLength;
    if (place === 0) events.push(waiting.shift() ?? '');
    else if (place === 1) events.push((await probe.client.logout(known, { deliver: false })).event_id);
    else events.push((await probe.client.sendEvent(known, { type: 'app.noticed', deliver: false })).event_id);
  }
  return { events, ids: new Set(installations.map(({ installation_id }) => installation_id)) };
}
