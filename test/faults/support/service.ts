import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Surroundings } from '../../support/stack.js';
import { fromRunner } from '../../support/temporal.js';
import type { FromChild, ToChild } from './messages.js';
import type { CrashPoint } from './points.js';

/** A start takes two seconds; a machine with other work takes its time. */
const START_LIMIT_MS = 120_000;
const STARTS = 3;
const ANSWER_LIMIT_MS = 20_000;

/** A service process that can be ended at a point. */
export interface FaultyService {
  readonly pid: number;
  readonly ingressUrl: string;
  /** Of health and metrics. */
  readonly opsUrl: string;
  readonly logFile: string;
  /** Fulfilled when it has ended, with the signal or code. */
  readonly ended: Promise<string>;
  running(): boolean;
  crashAt(point: CrashPoint): Promise<void>;
  record(): Promise<void>;
  /** The calls since `record`, in their order. */
  recorded(): Promise<CrashPoint[]>;
  /** Forgets a point that was not reached. */
  disarm(): Promise<void>;
  signal(signal: NodeJS.Signals): Promise<void>;
}

/**
 * Starts one and waits until its worker polls. The simulator sends the app's events there from then on. As a supervisor would: one that
 * ends while it starts, because the machine is busy, is started again.
 */
export async function startFaultyService(surroundings: Surroundings, name: string): Promise<FaultyService> {
  for (let left = STARTS - 1; ; left -= 1) {
    try {
      return await startOnce(surroundings, name);
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

async function startOnce(surroundings: Surroundings, name: string): Promise<FaultyService> {
  const logFile = `${surroundings.folder}/${name}.log`;
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, [fromRunner('TEST_FAULTY_SERVICE')], {
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    env: {
      ...process.env,
      WORKFLOW_BUNDLE: fromRunner('TEST_WORKFLOW_BUNDLE'),
      ...surroundings.env,
      TMPDIR: surroundings.folder,
    },
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  const ended = once(child, 'exit').then(([code, signal]) => String(signal ?? code));
  const { ingressUrl, opsUrl } = await answer(child, ended, 'working', START_LIMIT_MS, logFile).catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
  await surroundings.simulator.control.registerApp(surroundings.appId, {
    callback_url: `${ingressUrl}/webhooks/talkdesk`,
  });
  const ask = async <Said extends FromChild['said']>(message: ToChild, said: Said) => {
    const answered = answer(child, ended, said, ANSWER_LIMIT_MS, logFile);
    // One that has just ended cannot be told: without the callback that would be an error of the child, in place of its end.
    child.send(message, () => undefined);
    return await answered;
  };
  return {
    pid: child.pid as number,
    ingressUrl,
    opsUrl,
    logFile,
    ended,
    running: () => child.exitCode === null && child.signalCode === null,
    crashAt: async (at) => void (await ask({ do: 'crash', at }, 'ready')),
    record: async () => void (await ask({ do: 'record' }, 'ready')),
    recorded: async () => (await ask({ do: 'report' }, 'calls')).calls,
    disarm: async () => void (await ask({ do: 'off' }, 'ready')),
    async signal(signal) {
      child.kill(signal);
      if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await ended;
    },
  };
}

/** @throws Error with the end of its log when it ends, or does not answer in time */
async function answer<Said extends FromChild['said']>(
  child: ChildProcess,
  ended: Promise<string>,
  said: Said,
  limitMs: number,
  logFile: string,
): Promise<Extract<FromChild, { said: Said }>> {
  const giveUp = AbortSignal.timeout(limitMs);
  const message = async () => {
    for (;;) {
      const [got] = (await once(child, 'message', { signal: giveUp })) as [FromChild];
      if (got.said === said) return got as Extract<FromChild, { said: Said }>;
    }
  };
  const words = () => readFileSync(logFile, 'utf8').slice(-3_000);
  return await Promise.race([
    message().catch(() => {
      throw new Error(`The service did not say ${said} within ${limitMs} ms. Its log ends: ${words()}`);
    }),
    ended.then((how) => {
      throw new Error(`The service ended (${how}) before it said ${said}. Its log ends: ${words()}`);
    }),
  ]);
}
