/** `npm run bench`: measures acknowledgement and webhook-to-approve times on this machine, and prints a table. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { ensureBinary } from '../../local/binaries.js';
import { createChildren } from '../../local/children.js';
import { startPostgres } from '../../local/postgres.js';
import { startTemporalServer } from '../../local/temporal-server.js';
import { applyMigrations } from '../../store/migrations.js';
import { startServiceProcess } from '../support/service.js';
import { createSurroundings, type Surroundings } from '../support/stack.js';
import { type Baseline, measureBaseline } from './baseline.js';

const USAGE = `Measures the install path: a load of signed installations against one service process, with PostgreSQL (fsync on),
a Temporal dev server (file, WAL, synchronous=FULL), the simulator and the load generator all on this machine.

  npm run bench                      rates 1, 20 and 40 a second, 20 seconds each, three rounds
  npm run bench -- --rates 1,60      other rates
  npm run bench -- --seconds 30      longer runs
  npm run bench -- --rounds 1        fewer rounds`;

const TEMPLATE = 'bench_template';
const PREPARED_AT_ONCE = 16;
/** How long after the last delivery an approve may come for the rate to count as kept up. */
const SETTLE_MS = 2_000;
/** Decisions that come even later are waited for, so that one run does not disturb the next. */
const DRAIN_MS = 120_000;

interface Prepared {
  installationId: string;
  headers: Record<string, string>;
  body: Buffer;
}

interface RunResult {
  rate: number;
  ackMs: number[];
  approveMs: number[];
  keptUp: boolean;
}

const say = (line: string) => process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h' },
      rates: { type: 'string', default: '1,20,40' },
      seconds: { type: 'string', default: '20' },
      rounds: { type: 'string', default: '3' },
    },
  });
  if (values.help) {
    say(USAGE);
    return;
  }
  const rates = values.rates.split(',').map(Number);
  const seconds = Number(values.seconds);
  const rounds = Number(values.rounds);
  if (![...rates, seconds, rounds].every((value) => value > 0)) throw new Error(USAGE);

  const folder = mkdtempSync(join(tmpdir(), 'appconnect-bench-'));
  chmodSync(folder, 0o755);
  const children = createChildren({ dataDir: folder, say });
  process.on('exit', () => children.killAll());
  const closing: (() => Promise<unknown>)[] = [];
  try {
    say('Starting PostgreSQL, Temporal, the simulator and the service …');
    const postgres = await startPostgres({ dataDir: folder, children, say, env: process.env });
    closing.push(() => postgres.stop());
    await postgres.ensureDatabase(TEMPLATE);
    await applyMigrations(postgres.urlOf(TEMPLATE));
    process.env['TEST_POSTGRES_URL'] = postgres.urlOf('postgres');
    process.env['TEST_TEMPLATE_DATABASE'] = TEMPLATE;
    const cli = await ensureBinary('temporal', { env: process.env, say });
    const dbFile = join(folder, 'temporal.db');
    const temporal = await startTemporalServer({ cli, children, env: process.env, dbFile, port: 0, uiPort: null });
    closing.push(() => temporal.stop());
    const surroundings = await createSurroundings({ temporalAddress: temporal.address });
    closing.push(() => surroundings.stop());
    const service = await startServiceProcess(surroundings, 'service');
    closing.push(() => service.kill('SIGTERM'));

    await run(surroundings, service.ingressUrl, 5, 3);
    const results: RunResult[] = [];
    const baselines: Baseline[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      for (const rate of rates) {
        say(`round ${round} of ${rounds}, ${rate}/s for ${seconds} s …`);
        results.push(await run(surroundings, service.ingressUrl, rate, seconds));
      }
      say(`round ${round} of ${rounds}, Temporal alone …`);
      baselines.push(await measureBaseline(temporal.address));
    }
    report(rates, results);
    reportBaseline(baselines);
    await reportHistory(surroundings, temporal.address);
  } finally {
    for (const close of closing.reverse()) await close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Delivers at a fixed rate, whatever the answers take, and waits for every decision. */
async function run(surroundings: Surroundings, ingressUrl: string, rate: number, seconds: number): Promise<RunResult> {
  const count = Math.round(rate * seconds);
  const prepared = await prepare(surroundings, count);
  const sentAt = new Map<string, number>();
  const ackMs: number[] = [];
  const startedAt = performance.now();
  const deliveries = prepared.map(async (event, index) => {
    const dueMs = (index * 1_000) / rate;
    await sleep(Math.max(0, startedAt + dueMs - performance.now()));
    const from = performance.now();
    sentAt.set(event.installationId, Date.now());
    const answer = await fetch(`${ingressUrl}/webhooks/talkdesk`, {
      method: 'POST',
      headers: event.headers,
      body: event.body,
    });
    await answer.arrayBuffer();
    if (answer.status !== 200) throw new Error(`A delivery was answered ${answer.status}.`);
    ackMs.push(performance.now() - from);
  });
  await Promise.all(deliveries);
  const approveMs = await decisionTimes(surroundings, sentAt);
  const sent = [...sentAt.values()];
  const lastDecidedAt = Math.max(...sent.map((at, index) => at + (approveMs[index] as number)));
  return { rate, ackMs, approveMs, keptUp: lastDecidedAt <= Math.max(...sent) + SETTLE_MS };
}

async function prepare(surroundings: Surroundings, count: number): Promise<Prepared[]> {
  const { control } = surroundings.simulator;
  const prepared: Prepared[] = [];
  while (prepared.length < count) {
    const batch = Math.min(PREPARED_AT_ONCE, count - prepared.length);
    const made = Array.from({ length: batch }, async () => {
      const created = await control.createInstallation({ app_id: surroundings.appId, deliver: false });
      const { headers, body_base64 } = await control.signed(created.event_id);
      return {
        installationId: created.installation_id,
        headers,
        body: Buffer.from(body_base64, 'base64'),
      };
    });
    prepared.push(...(await Promise.all(made)));
  }
  return prepared;
}

/** Milliseconds from the delivery to the effective approve in the simulator's ledger, in the order of the deliveries. */
async function decisionTimes(surroundings: Surroundings, sentAt: Map<string, number>): Promise<number[]> {
  const endAt = performance.now() + DRAIN_MS;
  for (;;) {
    const decisions = await surroundings.simulator.control.decisions();
    const decidedAt = new Map(
      decisions
        .filter((decision) => decision.effective && sentAt.has(decision.installation_id))
        .map((decision) => [decision.installation_id, Date.parse(decision.at)]),
    );
    if (decidedAt.size === sentAt.size) {
      return [...sentAt].map(([installationId, at]) => (decidedAt.get(installationId) as number) - at);
    }
    if (performance.now() > endAt) throw new Error(`${sentAt.size - decidedAt.size} installations were not decided.`);
    await sleep(200);
  }
}

function percentile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Median over the rounds, with the lowest and highest of them. */
function spread(values: number[]): string {
  const text = (value: number) => value.toFixed(value < 10 ? 1 : 0);
  return `${text(percentile(values, 0.5))} (${text(Math.min(...values))}–${text(Math.max(...values))})`;
}

function report(rates: number[], results: RunResult[]): void {
  const [cpu] = cpus();
  say(
    `\n${cpus().length} cores (${cpu?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
  );
  say('Milliseconds: median over the rounds (lowest–highest).\n');
  say('| rate | ack p50 | ack p99 | webhook → approve p50 | p99 | kept up |');
  say('|---|---|---|---|---|---|');
  for (const rate of rates) {
    const runs = results.filter((result) => result.rate === rate);
    const of = (pick: (result: RunResult) => number[], share: number) =>
      spread(runs.map((result) => percentile(pick(result), share)));
    const cells = [
      of((result) => result.ackMs, 0.5),
      of((result) => result.ackMs, 0.99),
      of((result) => result.approveMs, 0.5),
      of((result) => result.approveMs, 0.99),
      `${runs.filter((result) => result.keptUp).length} of ${runs.length}`,
    ];
    say(`| ${rate}/s | ${cells.join(' | ')} |`);
  }
}

function reportBaseline(baselines: Baseline[]): void {
  const runs = spread(baselines.map((baseline) => baseline.runsPerSecond));
  const cpu = spread(baselines.map((baseline) => baseline.cpuMs));
  say(
    `\nTemporal alone, four empty local activities in one workflow task: ${runs} runs/s, ${cpu} ms of CPU in client and worker.`,
  );
}

async function reportHistory(surroundings: Surroundings, address: string): Promise<void> {
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  const sizes: string[] = [];
  const query = `WorkflowId STARTS_WITH "${surroundings.appId}/"`;
  for await (const run of client.workflow.list({ query })) {
    sizes.push(`${run.historyLength} events, ${run.historySize ?? 0} bytes`);
    if (sizes.length === 200) break;
  }
  await connection.close();
  const counts = new Map<string, number>();
  for (const size of sizes) counts.set(size, (counts.get(size) ?? 0) + 1);
  const [[most, times] = ['none', 0]] = [...counts].sort((a, b) => b[1] - a[1]);
  say(`\nHistory of an install, most frequent of ${sizes.length}: ${most} (${times} times).`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
