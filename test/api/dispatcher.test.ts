import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDispatcher, type Dispatcher } from '../../api/dispatcher.js';
import { createMetrics } from '../../api/metrics.js';
import type { LifecycleStarter, StartResult } from '../../api/temporal.js';
import { TemporalError } from '../../api/temporal-errors.js';
import type { DispatchItem } from '../../store/types.js';
import { captureLog } from './support/log.js';

function itemOf(eventId: string): DispatchItem {
  return {
    eventId,
    type: 'app.installed',
    tenant: { appId: 'app-1', accountId: 'account-1' },
    installationId: 'installation-1',
    createdAt: new Date('2026-01-05T10:00:00Z'),
  };
}

interface Bench {
  dispatcher: Dispatcher;
  lines: string[];
  /** Event ids that reached Temporal, in order. */
  starts: string[];
  durableFirst: boolean[];
  /** Event id and namespace id of each mark. */
  marks: [string, string][];
  /** Settles the oldest start that waits. */
  settle(result: StartResult | Error): Promise<void>;
}

/** A dispatcher whose starts wait until the test settles them. */
function newBench(options: { maxInFlight: number; markFails?: boolean }): Bench {
  const { log, lines } = captureLog();
  const waiting: ((result: StartResult | Error) => void)[] = [];
  const bench = { starts: [] as string[], durableFirst: [] as boolean[], marks: [] as [string, string][] };
  const starter: LifecycleStarter = {
    startOrWake: (item, { durableFirst }) => {
      bench.starts.push(item.eventId);
      bench.durableFirst.push(durableFirst);
      return new Promise((resolve, reject) =>
        waiting.push((result) => (result instanceof Error ? reject(result) : resolve(result))),
      );
    },
    isOpen: async () => false,
    namespaceId: async () => 'namespace-1',
    ensureSearchAttributes: async () => undefined,
  };
  const inbox = {
    markDispatched: async (eventId: string, namespaceId: string) => {
      if (options.markFails === true) throw new Error('cannot mark');
      bench.marks.push([eventId, namespaceId]);
    },
  };
  const dispatcher = createDispatcher({
    starter,
    inbox,
    metrics: createMetrics(),
    log,
    maxInFlight: options.maxInFlight,
  });
  return {
    ...bench,
    dispatcher,
    lines,
    async settle(result) {
      while (waiting.length === 0) await new Promise(setImmediate);
      waiting.shift()?.(result);
    },
  };
}

async function ticks(): Promise<void> {
  for (let n = 0; n < 5; n += 1) await new Promise(setImmediate);
}

describe('the dispatcher', () => {
  it('marks an event as dispatched once Temporal has it', async () => {
    const bench = newBench({ maxInFlight: 4 });
    bench.dispatcher.dispatch(itemOf('event-1'));
    await ticks();
    assert.deepEqual(bench.marks, []);
    await bench.settle('started');
    await bench.dispatcher.drain(1_000);
    assert.deepEqual(bench.marks, [['event-1', 'namespace-1']]);
    assert.deepEqual(bench.durableFirst, [false]);
  });

  it('never throws, marks nothing and leaves it to the sweeper when Temporal or the store fails', async () => {
    const bench = newBench({ maxInFlight: 4 });
    bench.dispatcher.dispatch(itemOf('event-1'));
    await bench.settle(new TemporalError('unavailable', 'start a run: no answer'));
    await bench.dispatcher.drain(1_000);
    assert.deepEqual(bench.marks, []);
    assert.ok(bench.lines.some((line) => JSON.parse(line).reason === 'start a run: no answer'));

    const unmarked = newBench({ maxInFlight: 4, markFails: true });
    unmarked.dispatcher.dispatch(itemOf('event-1'));
    await unmarked.settle('woken');
    await unmarked.dispatcher.drain(1_000);
    assert.ok(unmarked.lines.some((line) => JSON.parse(line).reason === 'cannot mark'));
  });

  it('sends an event that is on its way only once, and again afterwards', async () => {
    const bench = newBench({ maxInFlight: 4 });
    for (let n = 0; n < 10; n += 1) bench.dispatcher.dispatch(itemOf('event-1'));
    await bench.settle('started');
    await bench.dispatcher.drain(1_000);
    assert.deepEqual(bench.starts, ['event-1']);
    bench.dispatcher.dispatch(itemOf('event-1'));
    await bench.settle('woken');
    assert.deepEqual(bench.starts, ['event-1', 'event-1']);
  });

  it('leaves what comes over its limit to the sweeper', async () => {
    const bench = newBench({ maxInFlight: 2 });
    for (const id of ['event-1', 'event-2', 'event-3']) bench.dispatcher.dispatch(itemOf(id));
    await ticks();
    assert.deepEqual(bench.starts, ['event-1', 'event-2']);
    await bench.settle('started');
    await bench.settle('started');
    await bench.dispatcher.drain(1_000);
    bench.dispatcher.dispatch(itemOf('event-4'));
    await bench.settle('started');
    await bench.dispatcher.drain(1_000);
    assert.deepEqual(bench.starts, ['event-1', 'event-2', 'event-4']);
  });

  it('tries one event a second while Temporal is away, says so once, and goes on when it is back', async (t) => {
    t.mock.timers.enable({ apis: ['Date'] });
    const bench = newBench({ maxInFlight: 64 });
    const away = new TemporalError('unavailable', 'start a run: no answer');
    let n = 0;
    const dispatch = async (answer: StartResult | Error) => {
      bench.dispatcher.dispatch(itemOf(`event-${++n}`));
      await ticks();
      if (bench.starts.at(-1) === `event-${n}`) await bench.settle(answer);
      await bench.dispatcher.drain(1_000);
    };
    for (let times = 0; times < 20; times += 1) await dispatch(away);
    assert.deepEqual(bench.starts, ['event-1', 'event-2', 'event-3', 'event-4', 'event-5']);
    t.mock.timers.tick(1_001);
    for (let times = 0; times < 3; times += 1) await dispatch(away);
    assert.deepEqual(bench.starts.slice(5), ['event-21']);
    t.mock.timers.tick(1_001);
    for (let times = 0; times < 3; times += 1) await dispatch('started');
    assert.deepEqual(bench.starts.slice(6), ['event-24', 'event-25', 'event-26']);
    assert.equal(bench.lines.filter((line) => line.includes('until it does')).length, 1);
    assert.equal(bench.lines.filter((line) => line.includes('answers again')).length, 1);
  });

  it('goes on trying when Temporal answers with a refusal, or the store fails', async () => {
    const bench = newBench({ maxInFlight: 64 });
    for (let n = 0; n < 10; n += 1) {
      bench.dispatcher.dispatch(itemOf(`event-${n}`));
      await bench.settle(new TemporalError('refused', 'start a run: not allowed'));
      await bench.dispatcher.drain(1_000);
    }
    assert.equal(bench.starts.length, 10);
  });

  it('drains for no longer than it is told', async () => {
    const bench = newBench({ maxInFlight: 2 });
    bench.dispatcher.dispatch(itemOf('event-1'));
    const startedMs = performance.now();
    await bench.dispatcher.drain(100);
    assert.ok(performance.now() - startedMs >= 95);
    await bench.settle('started');
    await bench.dispatcher.drain(60_000);
    assert.deepEqual(bench.marks, [['event-1', 'namespace-1']]);
  });
});
