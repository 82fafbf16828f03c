import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.js';
import { awaitOutcomes, decidedProcesses } from '../support/outcomes.js';
import { startTestService, type TestService } from '../support/service.js';
import type { RouteFaultInput } from '../support/simulator.js';
import type { SimulatorControl } from '../support/simulator-control.js';
import { createSurroundings, type Surroundings } from '../support/stack.js';
import { fromRunner } from '../support/temporal.js';
import { violations } from './support/invariants.js';
import { accountFor, ENDS, eventFor, KINDS, type Undelivered } from './support/processes.js';
import { report } from './support/report.js';

/** What comes in place of the answer to a call that took effect. */
const LOST = {
  'a reset': { kind: 'reset', when: 'after' },
  silence: { kind: 'silence', when: 'after' },
  'an answer that is held': { kind: 'hold', when: 'after' },
  '503': { kind: 'refusal', refusal: 'unavailable', when: 'after' },
  '404': { kind: 'refusal', refusal: 'not-found', when: 'after' },
  'a page of a proxy': { kind: 'html', status: 502, when: 'after' },
} as const satisfies Record<string, Partial<RouteFaultInput>>;
type Lost = keyof typeof LOST;

let surroundings: Surroundings;
let service: TestService;
let control: SimulatorControl;

before(async () => {
  surroundings = await createSurroundings({ temporalAddress: fromRunner('TEST_TEMPORAL_ADDRESS') });
  control = surroundings.simulator.control;
  service = await startTestService(surroundings);
});
after(async () => {
  await service?.stop();
  await surroundings?.stop();
});

/** Delivers the event, with the answer to its decision or acknowledgement lost. */
async function lose(process: Undelivered, lost: Lost): Promise<void> {
  const route = process.kind === 'rotation' ? 'credentials-state' : 'state';
  await control.fault({ ...LOST[lost], route, installation_id: process.installed.installation_id });
  assert.equal((await control.deliver(process.eventId)).status, 200);
}

/** Decisions and acknowledgements that Talkdesk was sent for the installation, taken or not. */
async function sent(installationId: string): Promise<number> {
  const requests = await control.requests({ installation_id: installationId });
  return requests.filter(({ route }) => route === 'state' || route === 'credentials-state').length;
}

describe('an answer of ours that Talkdesk took, its reply lost', () => {
  for (const lost of Object.keys(LOST) as Lost[]) {
    it(`to ${lost}, is found out and counts once`, async () => {
      const prepared = await Promise.all(
        KINDS.map(async (kind) => eventFor(surroundings, kind, await accountFor(surroundings, kind))),
      );
      await Promise.all(prepared.map((process) => lose(process, lost)));
      await eventually('each reply was lost', async () => (await control.faults()).length === 0, 60_000);
      for (const { kind, installed } of prepared) {
        const [ended] = (await control.installation(installed.installation_id)).processes.slice(-1);
        assert.notEqual(ended?.decided, null, `${kind}: Talkdesk has taken it`);
      }
      const ids = prepared.map(({ eventId }) => eventId);
      assert.deepEqual(
        await awaitOutcomes(surroundings, ids),
        prepared.map(({ kind }) => ENDS[kind].outcome),
      );
      for (const { id } of await control.holds()) await control.release(id);
      for (const { kind, installed } of prepared) {
        const { installation_id: id } = installed;
        const { state, decided } = ENDS[kind];
        assert.deepEqual(await decidedProcesses(surroundings, id), decided, kind);
        assert.equal((await control.installation(id)).state, state, kind);
        // Only an acknowledgement cannot be asked for, so it is sent again and found to be done.
        assert.equal(await sent(id), kind === 'rotation' ? 3 : decided.length, `${kind}: sent so often`);
      }
      const found = await violations(surroundings);
      assert.deepEqual(found, []);
      report({
        group: 'fault',
        name: `approve or acknowledgement applied, reply lost: ${lost}`,
        hit: 'Talkdesk had taken each before its reply was lost',
        runs: prepared.length,
        violations: found.length,
      });
    });
  }
});
