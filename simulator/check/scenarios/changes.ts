import { acknowledged, approved, installed, isSuccess, processOf } from '../conduct.js';
import { whyUndecided } from '../diagnosis.js';
import { ScenarioFailure } from '../failure.js';
import type { Probe } from '../probe.js';
import type { Scenario } from '../types.js';
import { until } from '../waiting.js';

/** Scenarios about credentials, regions, and events that ask for no decision. */
export const changes: readonly Scenario[] = [
  {
    name: 'rotation',
    title:
      'Rotated credentials are taken into use and acknowledged, whether the old ones still live or are dead at once.',
    requirements: ['lifecycle-events', 'expired-tokens'],
    needs: ['own-token-per-installation'],
    async run(probe) {
      const routine = await installed(probe);
      await expectRotated(probe, routine.installation_id, 'routine');
      await probe.switches({ revocation_kills_tokens: true });
      const compromised = await installed(probe);
      await expectRotated(probe, compromised.installation_id, 'compromised');
    },
  },
  {
    name: 'regions',
    title: 'An installation of each region is approved at the gateway and token endpoint that its event links.',
    requirements: ['all-regions'],
    needs: ['own-token-per-installation'],
    async run(probe) {
      for (const region of probe.regions) {
        const made = await probe.prepare({ region: region as 'us' });
        await acknowledged(probe, made.event_id, `the app.installed event of region ${region}`);
        await approved(probe, made.installation_id, made.event_id, `install of region ${region}`);
      }
      probe.note(`regions: ${probe.regions.join(', ')}`);
    },
  },
  {
    name: 'trial-events',
    title: 'Events that ask for no decision, of a trial and of a logout, are answered 2xx.',
    requirements: ['trial', 'single-sign-out', 'lifecycle-events'],
    needs: ['own-token-per-installation'],
    async run(probe) {
      await probe.switches({ trial_events: 'prepared' });
      const { installation_id: id } = await installed(probe, { plan: { name: 'Trial', type: 'trial' } });
      const started = (await probe.client.events({ installation_id: id, type: 'app.trial_started' }))[0];
      if (started !== undefined) await acknowledged(probe, started.event_id, 'the app.trial_started event');
      const { event_id: extended } = await probe.client.extendTrial(id, { deliver: false });
      await acknowledged(probe, extended, 'the app.trial_extended event');
      const { event_id: logout } = await probe.client.logout(id, { deliver: false });
      await acknowledged(probe, logout, 'the user.logout event');
      const { event_id: ended } = await probe.client.endTrial(id, { deliver: false });
      await acknowledged(probe, ended, 'the app.trial_ended event');
    },
  },
];

async function expectRotated(probe: Probe, id: string, kind: 'routine' | 'compromised'): Promise<void> {
  const { event_id: event, client_id: fresh } = await probe.client.rotate(id, { kind, deliver: false });
  await acknowledged(probe, event, `the app.credentials_rotated event of a ${kind} rotation`);
  const { patienceMs } = probe.options;
  const done = await until(async () => {
    const process = processOf(await probe.client.installation(id), event);
    return process?.ended === 'acknowledged' ? true : undefined;
  }, patienceMs);
  const expected = `A ${kind} rotation is acknowledged for the new client ${fresh} within ${patienceMs / 1000} s (--patience).`;
  const advice =
    'Get a token with the new credentials, take them into use, then POST .../credentials/{new client_id}/state with {"state":"acknowledged"}.';
  if (done === undefined) throw new ScenarioFailure(expected, (await whyUndecided(probe, id, event)).seen, advice);
  const used = await probe.requests(id);
  const proven = used.some(
    ({ route, status, client_id: client }) => route === 'token' && isSuccess(status) && client === fresh,
  );
  if (proven) return;
  throw new ScenarioFailure(
    `The new credentials of a ${kind} rotation are proven by a token before they are acknowledged.`,
    'They were acknowledged without a token of theirs.',
    advice,
  );
}
