import type { Created } from '../../client/types.js';
import { acknowledged, approved, processOf } from '../conduct.js';
import { ScenarioFailure } from '../failure.js';
import type { Probe } from '../probe.js';
import { tellTime } from '../told-time.js';
import type { Scenario } from '../types.js';
import { until } from '../waiting.js';

/** The part of a short window during which the API is down. */
const outagePart = 0.6;
/** With told time the API comes back so long before the window closes. */
const remainsMs = 120_000;
const dayMs = 86_400_000;
/** Then the clock moves on by this much from look to look. */
const stepMs = 10_000;
const lookMs = 3_000;
const routes = ['token', 'account', 'installation', 'users', 'subscription', 'trial', 'state'];

/** The seven days within which a process must be decided (talkdesk-api.md 7.1). */
export const windows: readonly Scenario[] = [
  {
    name: 'window',
    title: 'A decision that an outage of the API has held up is still made inside the window.',
    requirements: ['lifecycle-events', 'near-real-time'],
    needs: ['own-token-per-installation'],
    missing: ({ toldTime, shortWindowSeconds }) =>
      toldTime === undefined && shortWindowSeconds === undefined
        ? 'needs --told-time URL, where the backend is told the time, or --short-window SECONDS, which its retries fit into'
        : null,
    async run(probe) {
      const { shortWindowSeconds, toldTime } = probe.options;
      if (toldTime === undefined && shortWindowSeconds !== undefined) {
        await probe.switches({ window_seconds: shortWindowSeconds });
      }
      const made = await probe.prepare();
      const ends: Array<() => Promise<void>> = [];
      for (const route of routes) {
        const outage = { kind: 'status', route, status: 503, times: 1_000_000, installation_id: made.installation_id };
        ends.push(await probe.fault(outage));
      }
      await acknowledged(probe, made.event_id, 'the app.installed event');
      const endOutage = async () => {
        for (const end of ends) await end();
      };
      if (toldTime === undefined) await throughShortWindow(probe, made, endOutage, shortWindowSeconds ?? 0);
      else await throughSevenDays(probe, made, endOutage, toldTime);
    },
  },
];

async function throughShortWindow(
  probe: Probe,
  made: Created,
  end: () => Promise<void>,
  seconds: number,
): Promise<void> {
  await probe.pause(seconds * outagePart * 1_000);
  await end();
  probe.note(`a window of ${seconds} s, the API down for the first ${(seconds * outagePart).toFixed(0)} s of it`);
  await approved(probe, made.installation_id, made.event_id, `install in a window of ${seconds} s`, seconds * 1_000);
}

async function throughSevenDays(
  probe: Probe,
  made: Created,
  end: () => Promise<void>,
  toldTime: string,
): Promise<void> {
  const deadline = processOf(await probe.client.installation(made.installation_id), made.event_id)?.deadline;
  if (deadline === undefined) return;
  const endMs = Date.parse(deadline);
  const leftMs = async () => endMs - Date.parse((await probe.client.clock()).now);
  for (let left = await leftMs(); left > remainsMs; left = await leftMs()) {
    await move(probe, Math.min(dayMs, left - remainsMs), toldTime);
  }
  await end();
  probe.note(`the API was down until ${remainsMs / 60_000} minutes before the end of the seven days`);
  for (let left = await leftMs(); left > 0; left = await leftMs()) {
    const view = await until(
      async () => {
        const now = await probe.client.installation(made.installation_id);
        return processOf(now, made.event_id)?.ended == null ? undefined : now;
      },
      Math.min(lookMs, left),
    );
    if (view !== undefined) break;
    if (left > 2 * stepMs) await move(probe, stepMs, toldTime);
  }
  const how = processOf(await probe.client.installation(made.installation_id), made.event_id)?.ended;
  if (how === 'approved') return;
  throw new ScenarioFailure(
    'The install is approved before its seven days are over.',
    how == null ? 'They were over without an answer.' : `It ended as ${how}.`,
    'Keep trying until the window closes, and make an attempt shortly before it does: there is no second chance afterwards.',
  );
}

/** Tells the backend the time before the simulator's clock gets there, unless the simulator does so itself. */
async function move(probe: Probe, byMs: number, toldTime: string): Promise<void> {
  const clock = await probe.client.clock();
  const told = clock.followers.some(({ url }) => url === toldTime);
  if (!told) {
    const body = { now: new Date(Date.parse(clock.now) + byMs).toISOString(), offset_ms: clock.offset_ms + byMs };
    await tellTime(toldTime, body);
  }
  await probe.client.advance(byMs);
}
