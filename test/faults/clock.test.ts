import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.js';
import { awaitOutcomes, decidedProcesses, outcomesOf } from '../support/outcomes.js';
import { startTestService, type TestService } from '../support/service.js';
import type { SimulatorControl } from '../support/simulator-control.js';
import { createSurroundings, type Surroundings } from '../support/stack.js';
import { fromRunner } from '../support/temporal.js';
import { violations } from './support/invariants.js';
import { accountFor, ENDS, eventFor, KINDS, type Undelivered } from './support/processes.js';
import { report } from './support/report.js';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** The quick attempt and a durable one. */
const REFUSALS = 2;

/** Clocks against the machine's, which is Temporal's. */
interface Case {
  name: string;
  talkdeskMs: number;
  /** The service's against Talkdesk's while it goes wrong. */
  oursOffMs: number;
}
const CASES: Case[] = [
  { name: '10 minutes behind', talkdeskMs: 0, oursOffMs: -10 * MINUTE_MS },
  { name: '10 minutes ahead', talkdeskMs: 0, oursOffMs: 10 * MINUTE_MS },
  { name: '8 days behind', talkdeskMs: 0, oursOffMs: -8 * DAY_MS },
  { name: '8 days ahead', talkdeskMs: 0, oursOffMs: 8 * DAY_MS },
  { name: '8 days behind, as is Temporal’s', talkdeskMs: 8 * DAY_MS, oursOffMs: -8 * DAY_MS },
  { name: '8 days ahead, as is Temporal’s', talkdeskMs: -8 * DAY_MS, oursOffMs: 8 * DAY_MS },
];

let surroundings: Surroundings;
let service: TestService;
let control: SimulatorControl;
let oursMs = 0;

before(async () => {
  surroundings = await createSurroundings({ temporalAddress: fromRunner('TEST_TEMPORAL_ADDRESS') });
  control = surroundings.simulator.control;
  service = await startTestService(surroundings, { now: () => new Date(Date.now() + oursMs) });
});
after(async () => {
  await service?.stop();
  await surroundings?.stop();
});

/** Whether a process has to ask for a token: a clock that is behind takes one that it has for a good one, rightly. */
function asksForToken({ kind }: Undelivered, { oursOffMs }: Case): boolean {
  return kind === 'install' || kind === 'rotation' || oursOffMs > 0;
}

/** Assertions of the installation that Talkdesk refused for their times. */
async function refused({ installed: { installation_id: id } }: Undelivered): Promise<number> {
  const requests = await control.requests({ installation_id: id, route: 'token' });
  return requests.filter(({ status, verdict }) => status === 401 && /\b(exp|iat) /.test(verdict)).length;
}

describe('the service’s clock against Talkdesk’s', () => {
  for (const clocks of CASES) {
    const { name, talkdeskMs, oursOffMs } = clocks;
    it(`${name}: nothing is given up, and everything is answered when it is right again`, async () => {
      await control.setClock(new Date(Date.now() + talkdeskMs));
      oursMs = talkdeskMs;
      const all = await Promise.all(
        KINDS.map(async (kind) => eventFor(surroundings, kind, await accountFor(surroundings, kind))),
      );
      oursMs += oursOffMs;
      for (const { eventId } of all)
        assert.equal((await control.deliver(eventId)).status, 200, 'accepted all the same');
      const kept = all.filter((process) => asksForToken(process, clocks));
      let refusals = 0;
      await eventually('each has been refused a token', async () => {
        const counts = await Promise.all(kept.map(refused));
        refusals = counts.reduce((sum, count) => sum + count, 0);
        return counts.every((count) => count >= REFUSALS);
      });
      const keptIds = kept.map(({ eventId }) => eventId);
      const open = Object.values(await outcomesOf(surroundings, keptIds));
      assert.deepEqual(open, Array(kept.length).fill(null), 'a wrong clock is no reason to end anything');

      oursMs = talkdeskMs;
      assert.deepEqual(
        await awaitOutcomes(
          surroundings,
          all.map(({ eventId }) => eventId),
        ),
        all.map(({ kind }) => ENDS[kind].outcome),
      );
      for (const { kind, installed } of all) {
        const { installation_id: id } = installed;
        assert.deepEqual(await decidedProcesses(surroundings, id), ENDS[kind].decided, kind);
        assert.equal((await control.installation(id)).state, ENDS[kind].state, kind);
      }
      const found = await violations(surroundings);
      assert.deepEqual(found, []);
      report({
        group: 'fault',
        name: `the service’s clock ${name}`,
        hit: `${refusals} assertions of ${kept.length} processes were refused for their times`,
        runs: kept.length,
        violations: found.length,
      });
    });
  }
});
