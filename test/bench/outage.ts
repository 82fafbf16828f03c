/** `npm run bench:outage`: acknowledgements while everything else is down, and the time after it, on this machine. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBinary } from '../../local/binaries.js';
import { buildWorkflowBundle } from '../../worker/build-bundle.js';
import { diagnosis } from '../faults/support/diagnosis.js';
import { effectViolations } from '../faults/support/invariants.js';
import { percentile, prepareBacklog } from '../faults/support/load.js';
import { buildFaultyService } from '../support/prepare-run.js';
import { createOutage, type Drain } from '../faults/support/outage.js';
import { startFaultWorld } from '../faults/support/world.js';

const USAGE = `Measures an outage: signed deliveries at a fixed rate against one ingress while Temporal, the workers, the product and
Talkdesk's API are down, and then how the backlog drains while new installs come. PostgreSQL (fsync on), a Temporal dev server (file,
WAL, synchronous=FULL), the simulator and the load generator are all on this machine.

  npm run bench:outage                        10,000 events at 200 a second
  npm run bench:outage -- --events 2000       fewer events
  npm run bench:outage -- --rate 100          another rate
  npm run bench:outage -- --fresh 2           new installs a second during the drain (1)`;

/** Acknowledgements are looked at in spans of so many seconds, which shows how far they differ. */
const SPAN_S = 10;
const WARM_UP = 100;
const PROGRESS_MS = 15_000;
const DRAIN_LIMIT_MS = 30 * 60_000;

const say = (line: string) => process.stdout.write(`${line}\n`);

/** What the parts of a backlog of ten thousand are; another size has them in proportion. */
function shapeOf(events: number) {
  const of = (ofTenThousand: number) => Math.round((events * ofTenThousand) / 10_000);
  return {
    customers: of(500),
    updatesEach: 13,
    trialEventsEach: 3,
    logouts: of(300),
    rotations: of(300),
    uninstalls: of(200),
    installs: of(1_200),
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h' },
      events: { type: 'string', default: '10000' },
      rate: { type: 'string', default: '200' },
      fresh: { type: 'string', default: '1' },
    },
  });
  const [events, rate, freshPerSecond] = [Number(values.events), Number(values.rate), Number(values.fresh)];
  if (values.help || !(events >= 100 && rate > 0 && freshPerSecond > 0)) {
    say(USAGE);
    return;
  }

  const folder = mkdtempSync(join(tmpdir(), 'appconnect-bench-'));
  process.env['TEST_TEMPORAL_CLI'] = await ensureBinary('temporal', { env: process.env, say });
  process.env['TEST_WORKFLOW_BUNDLE'] = join(folder, 'workflow-bundle.js');
  writeFileSync(process.env['TEST_WORKFLOW_BUNDLE'], (await buildWorkflowBundle()).code);
  process.env['TEST_FAULTY_SERVICE'] = await buildFaultyService();
  say('Starting PostgreSQL, Temporal, the simulator, an ingress and a worker …');
  const world = await startFaultWorld({ services: 0, env: { SWEEP_INTERVAL_MS: '5000' } });
  const outage = await createOutage(world);
  try {
    const { customers: count, ...shape } = shapeOf(events);
    say(`Installing ${count} customers and preparing the events …`);
    await outage.install(WARM_UP);
    const customers = await outage.install(count);
    const deliveries = await prepareBacklog(world.surroundings, { customers, ...shape });
    await outage.begin();
    say(`Everything is down; ${deliveries.length} events at ${rate}/s …`);
    const { statuses, ms } = await outage.deliver(deliveries, rate);
    const waiting = await outage.waiting();
    await outage.end();
    say(`Everything is back; ${waiting} events wait …`);
    const drain = await outage
      .drain({ freshPerSecond, limitMs: DRAIN_LIMIT_MS, progress: everySoOften() })
      .catch(async (error: Error) => {
        throw new Error([error.message, ...(await diagnosis(world.surroundings))].join('\n'));
      });
    report({ rate, statuses, ms, waiting, tenants: customers.length + shape.installs, drain });
    const found = await effectViolations(world.surroundings);
    say(`\nViolations: ${found.length === 0 ? 'none' : found.join('\n')}`);
    if (found.length > 0) process.exitCode = 1;
  } finally {
    await outage.stop();
    await world.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Says how many events are left, now and then. */
function everySoOften(): (left: number) => void {
  let saidMs = Number.NEGATIVE_INFINITY;
  return (left) => {
    if (performance.now() - saidMs < PROGRESS_MS) return;
    saidMs = performance.now();
    say(`  ${left} events left`);
  };
}

function report(seen: {
  rate: number;
  statuses: Record<number, number>;
  ms: number[];
  waiting: number;
  tenants: number;
  drain: Drain;
}): void {
  const { rate, statuses, ms, waiting, tenants, drain } = seen;
  const [cpu] = cpus();
  say(
    `\n${cpus().length} cores (${cpu?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
  );
  const perSpan = rate * SPAN_S;
  const spans = Array.from({ length: Math.ceil(ms.length / perSpan) }, (_, n) =>
    ms.slice(n * perSpan, (n + 1) * perSpan),
  );
  const spread = (share: number) => {
    const values = spans.map((span) => percentile(span, share));
    return `${percentile(ms, share).toFixed(1)} ms (spans of ${SPAN_S} s: ${values.map((value) => value.toFixed(1)).join(', ')})`;
  };
  say(`Answers: ${JSON.stringify(statuses)}; acknowledged in p50 ${spread(0.5)}, p99 ${spread(0.99)}`);
  const seconds = drain.ms / 1_000;
  say(
    `Drained ${waiting} events of ${tenants} tenants in ${seconds.toFixed(0)} s (${(waiting / seconds).toFixed(0)} events/s, ` +
      `${(tenants / seconds).toFixed(1)} tenants/s), ${drain.openMax} runs at a time at most.`,
  );
  const fresh = (share: number) => `${Math.round(percentile(drain.freshMs, share))} ms`;
  say(
    `${drain.freshMs.length} new installs meanwhile: webhook → approve p50 ${fresh(0.5)}, p90 ${fresh(0.9)}, p99 ${fresh(0.99)}.`,
  );
}

main().then(
  () => process.exit(),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
