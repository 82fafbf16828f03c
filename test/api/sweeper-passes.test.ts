import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMetrics } from '../../api/metrics.js';
import { createSweeper, type Sweeper } from '../../api/sweeper.js';
import type { LifecycleStarter } from '../../api/temporal.js';
import { TemporalError } from '../../api/temporal-errors.js';
import type { DispatchItem } from '../../store/types.js';
import { captureLog } from './support/log.js';

interface Bench {
  sweeper: Sweeper;
  lines: string[];
  /** Calls in their order: `namespace`, `attributes`, `hand over <event id>`. */
  calls: string[];
  /** Quiet times that audits asked for, in milliseconds. */
  audits: number[];
}

function newBench(changes: {
  starter?: Partial<LifecycleStarter>;
  items?: DispatchItem[];
  /** Items of one pass after the other, in place of `items` each time. */
  passes?: DispatchItem[][];
  intervalMs?: number;
  handOver?: (item: DispatchItem) => Promise<'started'>;
}): Bench {
  const { log, lines } = captureLog();
  const calls: string[] = [];
  const audits: number[] = [];
  const starter: LifecycleStarter = {
    startOrWake: async () => 'started',
    isOpen: async () => true,
    namespaceId: async () => {
      calls.push('namespace');
      return 'namespace-1';
    },
    ensureSearchAttributes: async () => void calls.push('attributes'),
    ...changes.starter,
  };
  const sweeper = createSweeper({
    inbox: {
      claimUndispatched: async () => changes.passes?.shift() ?? changes.items ?? [],
      claimForAudit: async ({ quietMs }) => {
        audits.push(quietMs);
        return [];
      },
    },
    dispatcher: {
      handOver: async (item) => {
        calls.push(`hand over ${item.eventId}`);
        return (await changes.handOver?.(item)) ?? 'started';
      },
    },
    starter,
    metrics: createMetrics(),
    log,
    intervalMs: changes.intervalMs ?? 1,
  });
  return { sweeper, lines, calls, audits };
}

function itemsOf(count: number): DispatchItem[] {
  return Array.from({ length: count }, (_, n) => ({
    eventId: `event-${n}`,
    type: 'app.installed',
    tenant: { appId: 'app-1', accountId: `account-${n}` },
    installationId: `installation-${n}`,
    createdAt: new Date('2026-01-05T10:00:00Z'),
  }));
}

describe('passes of the sweeper', () => {
  it('sees to the search attribute once per namespace id', async () => {
    const ids = ['namespace-1', 'namespace-1', 'namespace-2', 'namespace-2'];
    const { sweeper, calls } = newBench({ starter: { namespaceId: async () => ids.shift() ?? 'namespace-2' } });
    for (let n = 0; n < 4; n += 1) await sweeper.sweepOnce();
    assert.deepEqual(calls, ['attributes', 'attributes']);
  });

  it('audits soon for two minutes after the namespace was another one', async (t) => {
    let nowMs = 1_000_000;
    t.mock.method(performance, 'now', () => nowMs);
    const ids = ['namespace-1', 'namespace-2'];
    const { sweeper, audits } = newBench({ starter: { namespaceId: async () => ids.shift() ?? 'namespace-2' } });
    for (const laterMs of [0, 1_000, 119_000, 2_000]) {
      nowMs += laterMs;
      await sweeper.sweepOnce();
    }
    assert.deepEqual(audits, [600_000, 15_000, 15_000, 600_000]);
  });

  it('raises an alarm and goes on when it may not see to it', async () => {
    const refusal = new TemporalError('refused', 'add it by hand');
    const { sweeper, calls, lines } = newBench({
      items: itemsOf(1),
      starter: { ensureSearchAttributes: () => Promise.reject(refusal) },
    });
    assert.deepEqual(await sweeper.sweepOnce(), { handedOver: 1, restarted: 0 });
    assert.deepEqual(calls, ['namespace', 'hand over event-0']);
    assert.ok(
      lines
        .map((line) => JSON.parse(line))
        .some(({ alarm, reason }) => alarm === 'temporal' && reason === 'add it by hand'),
    );
  });

  it('goes on with the next event when one is refused, and leaves the rest when Temporal is away', async () => {
    const refused = newBench({
      items: itemsOf(20),
      handOver: () => Promise.reject(new TemporalError('refused', 'no')),
    });
    assert.deepEqual(await refused.sweeper.sweepOnce(), { handedOver: 0, restarted: 0 });
    assert.equal(refused.calls.filter((call) => call.startsWith('hand over')).length, 20);

    const away = newBench({
      items: itemsOf(20),
      handOver: () => Promise.reject(new TemporalError('unavailable', 'away')),
    });
    assert.deepEqual(await away.sweeper.sweepOnce(), { handedOver: 0, restarted: 0 });
    // Four at a time: those under way when the first one fails.
    assert.equal(away.calls.filter((call) => call.startsWith('hand over')).length, 4);
  });

  it('makes one pass at a time', async () => {
    const { sweeper, calls } = newBench({});
    await Promise.all([sweeper.sweepOnce(), sweeper.sweepOnce(), sweeper.sweepOnce()]);
    assert.deepEqual(calls, ['namespace', 'attributes']);
  });

  it('comes back soon while there is a backlog, also when no run was through in the meantime, and else after its interval', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { sweeper, calls } = newBench({ passes: [itemsOf(1), [], itemsOf(1)], intervalMs: 60_000 });
    const handOvers = () => calls.filter((call) => call.startsWith('hand over')).length;
    const settle = async () => {
      for (let n = 0; n < 20; n += 1) await new Promise(setImmediate);
    };
    sweeper.start();
    await settle();
    assert.equal(handOvers(), 1);
    for (const expected of [1, 2]) {
      t.mock.timers.tick(320);
      await settle();
      assert.equal(handOvers(), expected);
    }
    await sweeper.stop();

    const quiet = newBench({ passes: [[], itemsOf(1)], intervalMs: 60_000 });
    quiet.sweeper.start();
    await settle();
    t.mock.timers.tick(44_000);
    await settle();
    assert.deepEqual(quiet.calls.filter((call) => call === 'namespace').length, 1);
    t.mock.timers.tick(31_000);
    await settle();
    assert.equal(quiet.calls.filter((call) => call === 'namespace').length, 2);
    await quiet.sweeper.stop();
  });

  it('stops after the pass under way and does not begin another', async () => {
    let release: (id: string) => void = () => undefined;
    let passes = 0;
    const { sweeper } = newBench({
      starter: {
        namespaceId: () => {
          passes += 1;
          return new Promise((resolve) => {
            release = resolve;
          });
        },
      },
    });
    sweeper.start();
    const stopped = sweeper.stop();
    release('namespace-1');
    await stopped;
    // Many times the interval: nothing may come.
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(passes, 1);
  });
});
