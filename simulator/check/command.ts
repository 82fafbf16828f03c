import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Io } from '../cli/io.js';
import { createClient, type SimulatorClient } from '../client/client.js';
import { NotRunning, Refused } from '../client/errors.js';
import { chooseApp, pointAppAt } from './app.js';
import { CannotRun, Interrupted } from './failure.js';
import { type CheckCommand, readCheckCommand } from './options.js';
import type { OpenSimulator } from '../open.js';
import { cannotWrite, expectWritable } from './output.js';
import { startOwnSimulator } from './own-simulator.js';
import { expectReady, resetSimulator } from './ready.js';
import { jsonReport } from './report/json.js';
import { junitReport } from './report/junit.js';
import { summaryOf } from './report/summary.js';
import { progressLine, scenarioList, textReport } from './report/text.js';
import { runScenarios } from './run-scenarios.js';
import { scenarios } from './scenarios/index.js';
import { tellTime } from './told-time.js';
import type { CheckOptions, Report } from './types.js';

const writers = { text: textReport, json: jsonReport, junit: junitReport };
/** Errors whose message is worded for the person at the command line. */
const said = [CannotRun, Interrupted, NotRunning, Refused];
/** Of each broken rule. */
const sentencesMax = 5;

/**
 * Carries out `check`.
 * @param words what follows the command's name
 * @returns the exit code: 0 all that was judged passed, 1 something failed or was blocked, 2 it could not be carried out
 * @throws UsageError when the words are not understood
 */
export async function runCheck(words: string[], io: Io): Promise<number> {
  const command = readCheckCommand(words);
  if (command.list) {
    io.out(scenarioList(scenarios));
    return 0;
  }
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt);
  let own: OpenSimulator | undefined;
  try {
    if (command.output !== undefined) expectWritable(command.output);
    own = command.simulator === undefined ? await startOwnSimulator(command.host, command.port) : undefined;
    const report = await check(command, own?.url ?? command.simulator ?? '', io, interruption.signal);
    const text = writers[command.format](report);
    if (command.output === undefined) io.out(text);
    else writeReport(command.output, text, io);
    return summaryOf(report).exit_code;
  } catch (error) {
    if (!said.some((kind) => error instanceof kind)) throw error;
    io.err((error as Error).message);
    return 2;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
    await own?.close();
  }
}

/** @throws CannotRun when the file can no longer be written; the report is on the standard output then */
function writeReport(file: string, text: string, io: Io): void {
  try {
    writeFileSync(file, `${text}\n`);
  } catch (error) {
    io.out(text);
    throw cannotWrite(file, error);
  }
}

async function check(command: CheckCommand, simulator: string, io: Io, interrupted: AbortSignal): Promise<Report> {
  const client = createClient(simulator);
  const { regions } = await client.health();
  // A simulator of its own is asked to register whatever app is meant.
  const register = command.register || command.simulator === undefined;
  const app = await chooseApp(client, { appId: command.options.appId, register });
  const options: CheckOptions = { ...command.options, appId: app.id };
  if (command.reset) io.err(await resetSimulator(client));
  await expectReady(client, simulator, options.toldTime !== undefined);
  const giveBack = await pointAppAt(client, app, options.webhook);
  try {
    await expectWebhook(client, options);
    await tellUnlessFollowing(client, options);
    const date = new Date();
    const startMs = performance.now();
    let done = 0;
    const outcomes = await runScenarios({
      client,
      options,
      regions: Object.keys(regions),
      run: randomBytes(3).toString('hex'),
      before: (await client.requests()).at(-1)?.n ?? 0,
      scenarios,
      only: command.only,
      skip: command.skip,
      interrupted,
      progress(outcome, toRun) {
        done += 1;
        io.err(progressLine(outcome, done, toRun));
      },
    });
    return {
      date: date.toISOString(),
      duration_ms: Math.round(performance.now() - startMs),
      tool_version: toolVersion(),
      target: { webhook: options.webhook, app_id: app.id, simulator },
      options: {
        patience_seconds: options.patienceMs / 1_000,
        restart: options.restart !== undefined,
        told_time: options.toldTime !== undefined,
        short_window_seconds: options.shortWindowSeconds ?? null,
      },
      scenarios: outcomes,
      rules: await rulesOf(client, app.id),
    };
  } finally {
    await giveBack();
  }
}

/** @throws CannotRun when the webhook does not answer, or not at this path */
async function expectWebhook(client: SimulatorClient, { webhook }: CheckOptions): Promise<void> {
  const sent = await client.sendRaw({ callback_url: webhook, json: {}, sign: { tamper: 'unsigned' } });
  if (sent.status == null) {
    throw new CannotRun(
      `Nothing answers at ${webhook} (${sent.error ?? 'no reason given'}). Start the backend there, or give its address with --webhook; the simulator must be able to reach it.`,
    );
  }
  if (sent.status !== 404 && sent.status !== 405) return;
  throw new CannotRun(
    `${webhook} answers ${sent.status} to a POST: that is not where the backend takes events. Give the right path with --webhook.`,
  );
}

/** Gives a backend that is told the time the simulator's, unless the simulator itself does so. */
async function tellUnlessFollowing(client: SimulatorClient, { toldTime }: CheckOptions): Promise<void> {
  if (toldTime === undefined) return;
  const { now, offset_ms, followers } = await client.clock();
  if (!followers.some(({ url }) => url === toldTime)) await tellTime(toldTime, { now, offset_ms });
}

async function rulesOf(client: SimulatorClient, appId: string): Promise<Report['rules']> {
  const { rules } = await client.verdicts({ app_id: appId });
  return rules.map(({ broken, ...rule }) => ({
    ...rule,
    broken: broken.slice(0, sentencesMax).map(({ what }) => what),
  }));
}

/** The version in package.json, which is one folder further up from where the build puts this file. */
function toolVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string }).version;
    } catch {
      // Not here.
    }
  }
  return 'unknown';
}
