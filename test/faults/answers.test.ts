import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.js';
import { accountAtRest, awaitOutcomes, decidedProcesses } from '../support/outcomes.js';
import { startTestService, type TestService } from '../support/service.js';
import type { SimulatorControl } from '../support/simulator-control.js';
import { createSurroundings, type Surroundings } from '../support/stack.js';
import { connectTemporal, fromRunner, type TestTemporal } from '../support/temporal.js';
import {
  ABSURD,
  ASKING,
  BROKEN_BODIES,
  type Kind,
  OVERSIZED,
  REFUSALS,
  SAYING_NOTHING,
  SERVER_ERRORS,
  SLOW,
} from './support/answers.js';
import { violations } from './support/invariants.js';
import { accountFor, eventFor, type Undelivered } from './support/processes.js';
import { report } from './support/report.js';
import { createWrongAnswers, type Met, type WrongAnswers } from './support/wrong-answers.js';

/** talkdesk-api.md 6, client rule of the design: a quarter of an hour at most. */
const LONGEST_WAIT_S = 900;
/** Of the process with the service in it: 14 answers of 50 MB at the same time would be 700 MB. */
const MOST_BYTES = 150_000_000;

let surroundings: Surroundings;
let service: TestService;
let temporal: TestTemporal;
let control: SimulatorControl;
let answers: WrongAnswers;

before(async () => {
  temporal = await connectTemporal();
  surroundings = await createSurroundings({ temporalAddress: fromRunner('TEST_TEMPORAL_ADDRESS') });
  control = surroundings.simulator.control;
  service = await startTestService(surroundings);
  answers = createWrongAnswers({ surroundings, client: temporal.client });
});
after(async () => {
  await service?.stop();
  await surroundings?.stop();
  await temporal?.close();
});

describe('Talkdesk’s token service and API answer', () => {
  let all: Met[];
  let outcomes: Map<string, string>;
  let found: string[];

  // All at once: what waits does not keep others waiting.
  before(async () => {
    all = await answers.begin([...REFUSALS, ...SERVER_ERRORS, ...BROKEN_BODIES, ...SLOW, ...ASKING, ...SAYING_NOTHING]);
    await answers.untilUsed(all);
    outcomes = await answers.settle(all);
    found = await violations(surroundings);
  });

  /** Judges those that met one of the kinds. */
  async function gotOver(name: string, kinds: readonly Kind[]): Promise<void> {
    const chosen = all.filter(({ answer }) => kinds.some((kind) => kind.name === answer.name));
    const hits = await answers.judge(chosen, outcomes);
    assert.deepEqual(found, []);
    const hit = `${hits} requests of ${chosen.length} processes on seven routes were answered so`;
    report({ group: 'fault', name, hit, runs: chosen.length, violations: found.length });
  }

  it('401, 403, 404 and 409: what waits for a person goes on when woken, the rest by itself', async () => {
    await gotOver('token and API answer 401, 403, 404, 409', REFUSALS);
  });

  it('500, 502, 503 and 504: every process is answered', async () => {
    await gotOver('token and API answer 500, 502, 503, 504', SERVER_ERRORS);
  });

  it('HTML, nothing, half a JSON and half a connection: every process is answered', async () => {
    await gotOver('token and API answer HTML, empty, truncated', BROKEN_BODIES);
  });

  it('one byte per second, or never: every process is answered', async () => {
    await gotOver('token and API answer one byte per second, never', SLOW);
  });

  it('429 and 503 with Retry-After as seconds, date and in the body: nobody is asked sooner', async () => {
    await gotOver('429 and 503, Retry-After as seconds, date, in the body', ASKING);
    for (const { installed, answer } of all.filter((met) => ASKING.some(({ name }) => name === met.answer.name))) {
      const { rules } = await control.verdicts({ installation_id: installed.installation_id });
      const rule = rules.find((one) => one.rule === 'retry-after-respected');
      assert.deepEqual([rule?.status, rule?.broken], ['kept', []], `${answer.route} ${answer.name}`);
    }
  });

  it('429 with a Retry-After that says nothing of use: every process is answered', async () => {
    await gotOver('429, Retry-After negative, in words, absent', SAYING_NOTHING);
  });
});

describe('404 for the installation, to every attempt', () => {
  /** Delivers an event whose process finds the installation gone after the first look. */
  async function goneFor(kind: 'install' | 'update'): Promise<Undelivered> {
    const process = await eventFor(surroundings, kind, await accountFor(surroundings, kind));
    const { installation_id } = process.installed;
    const gone = { kind: 'refusal', refusal: 'not-found', times: 1_000, skip: 1 } as const;
    await control.fault({ ...gone, route: 'installation', installation_id });
    assert.equal((await control.deliver(process.eventId)).status, 200);
    return process;
  }

  it('ends an install, undone, and parks an update until a person has looked', async () => {
    const [install, update] = await Promise.all([goneFor('install'), goneFor('update')]);
    assert.deepEqual(await awaitOutcomes(surroundings, [install.eventId]), ['superseded']);
    assert.equal((await accountAtRest(surroundings, install.installed.account_id))?.status, 'closed');
    assert.deepEqual(await decidedProcesses(surroundings, install.installed.installation_id), []);

    await eventually('the update is parked', () => answers.wasParked(update.eventId));
    const hits = (await control.faults()).map(({ used }) => used);
    assert.ok(hits.length === 2 && hits.every((used) => used >= 3), `not believed at once: ${hits}`);
    assert.equal((await accountAtRest(surroundings, update.installed.account_id))?.status, 'active');
    await control.clearFaults();
    await answers.wake(update);
    assert.deepEqual(await awaitOutcomes(surroundings, [update.eventId]), ['approved']);
    const found = await violations(surroundings);
    assert.deepEqual(found, []);
    const hit = `the state was asked for ${hits.join(' and ')} times before it was believed`;
    report({ group: 'fault', name: '404 for the installation', hit, runs: 2, violations: found.length });
  });
});

describe('a Retry-After of ten years', () => {
  it('is taken for a quarter of an hour, and a wake-up ends the wait', async () => {
    const all = await answers.begin([ABSURD]);
    // The first of the two is waited for by the quick way, the second by the durable one.
    await Promise.all(all.map((met) => answers.untilPlanned(met, LONGEST_WAIT_S)));
    await Promise.all(all.map(answers.wake));
    await answers.untilUsed(all);
    await Promise.all(all.map((met) => answers.untilPlanned(met, LONGEST_WAIT_S)));
    const hits = await answers.judge(all, await answers.settle(all));
    const found = await violations(surroundings);
    assert.deepEqual(found, []);
    const hit = `${hits} requests were told to come back in ten years, and planned to in ${LONGEST_WAIT_S} s`;
    report({ group: 'fault', name: '429, Retry-After absurd', hit, runs: all.length, violations: found.length });
  });
});

describe('answers of 50 MB', () => {
  it('are not read to their end, and every process is answered', async () => {
    const before = process.memoryUsage();
    let mostBytes = 0;
    const watch = setInterval(() => {
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      mostBytes = Math.max(mostBytes, heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers);
    }, 5);
    try {
      const all = await answers.begin([OVERSIZED, OVERSIZED]);
      await answers.untilUsed(all);
      const hits = await answers.judge(all, await answers.settle(all));
      const found = await violations(surroundings);
      assert.deepEqual(found, []);
      assert.ok(mostBytes < MOST_BYTES, `memory grew by ${mostBytes} bytes`);
      const hit = `${hits} answers of 50 MB, at most ${Math.round(mostBytes / 1e6)} MB more in memory`;
      report({ group: 'fault', name: 'token and API answer 50 MB', hit, runs: all.length, violations: found.length });
    } finally {
      clearInterval(watch);
    }
  });
});
