import { acknowledged, approved, decisionCalls, installed, listed, newest, settled } from '../conduct.js';
import { ScenarioFailure } from '../failure.js';
import type { Scenario } from '../types.js';

/** Nothing for so long: whatever was to come has come, also a look at what became of the approval. */
const settleMs = 2_000;
/** Calls, all of them refused, that a late event may cause: one, and a few attempts more. */
const lateCallsMax = 5;
const stormSeconds = 6;
/** More calls than this in the last half of that time are no backoff. */
const stormCalls = 12;

/** Scenarios about the end of an installation. */
export const uninstalling: readonly Scenario[] = [
  {
    name: 'uninstall-approved',
    title:
      'An uninstall is approved, and afterwards nothing is decided or read for that installation, whatever event still comes.',
    requirements: ['lifecycle-events'],
    needs: ['own-token-per-installation'],
    async run(probe) {
      const { installation_id: id } = await installed(probe);
      // What belongs to the install, such as reading its decision back, is over.
      await settled(probe, id);
      const { event_id: late } = await probe.client.update(id, { licenses: 20, deliver: false });
      const { event_id: uninstall } = await probe.client.uninstall(id, { deliver: false });
      const before = await newest(probe, id);
      await acknowledged(probe, uninstall, 'the app.uninstalled event');
      await approved(probe, id, uninstall, 'uninstall');
      const own = await settled(probe, id, { after: before, quietMs: settleMs });
      await acknowledged(probe, late, 'an app.updated event that comes after the app.uninstalled event');
      await acknowledged(probe, uninstall, 'a copy of the app.uninstalled event');
      const calls = await settled(probe, id, { after: before, quietMs: settleMs });
      const repeated = decisionCalls(calls).slice(1);
      if (repeated.length > 0) fail(`After it more decisions came: ${listed(repeated)}.`);
      const since = calls.slice(own.length);
      const read = since.filter(({ route, status }) => route !== 'token' && status === 200);
      if (read.length > 0) fail(`A late event led to ${listed(read)}.`);
      if (since.length > lateCallsMax) fail(`A late event led to ${since.length} calls: ${listed(since)}.`);
    },
  },
  {
    name: 'uninstall-with-dead-credentials',
    title: 'An uninstall whose credentials are dead is acknowledged, and the token endpoint is not stormed.',
    requirements: ['lifecycle-events', 'technical-certification'],
    needs: ['uninstall-approved'],
    async run(probe) {
      await probe.switches({ revocation_kills_tokens: true });
      const { installation_id: id } = await installed(probe);
      await settled(probe, id);
      // The event with the new credentials is lost; the old ones are dead at once.
      await probe.client.rotate(id, { kind: 'compromised', deliver: false });
      const { event_id: uninstall } = await probe.client.uninstall(id, { deliver: false });
      const before = await newest(probe, id);
      await acknowledged(probe, uninstall, 'the app.uninstalled event');
      await probe.pause(stormSeconds * 1_000);
      const calls = await probe.requests(id, before);
      const since = Date.parse((await probe.client.clock()).now) - (stormSeconds / 2) * 1_000;
      const recent = calls.filter(({ at }) => Date.parse(at) > since);
      probe.note(
        `${calls.length} calls in ${stormSeconds} s, ${recent.length} of them in the last ${stormSeconds / 2} s`,
      );
      if (recent.length <= stormCalls) return;
      throw new ScenarioFailure(
        'With dead credentials attempts become rare.',
        `${recent.length} calls came within ${stormSeconds / 2} s: ${listed(recent, 2)}.`,
        'After a 401 with a fresh token wait longer from attempt to attempt, and count the uninstall as settled when credentials stay dead.',
      );
    },
  },
];

function fail(seen: string): never {
  throw new ScenarioFailure(
    'An uninstall is approved by one decision, and afterwards nothing is decided or read for that installation.',
    seen,
    'Remember that the installation is gone, and answer a late event of it with a 2xx alone.',
  );
}
