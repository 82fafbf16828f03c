import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '../../support/eventually.js';
import type { Surroundings } from '../../support/stack.js';
import { fromRunner } from '../../support/temporal.js';

const START_LIMIT_MS = 60_000;

/** Ingress or worker as a process of its own, as in a scaled installation. */
export interface Half {
  readonly pid: number;
  readonly logFile: string;
  /** Where an ingress takes deliveries; empty for a worker. */
  readonly ingressUrl: string;
  running(): boolean;
  /** Sends it a signal and waits for its end. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/** Starts one and waits until it says that it is up; a worker needs Temporal for that. The simulator's events go to the newest ingress. */
export async function startHalf(surroundings: Surroundings, kind: 'api' | 'worker', name: string): Promise<Half> {
  const logFile = `${surroundings.folder}/${name}.log`;
  const log = openSync(logFile, 'w');
  // Compiled with the service that is killed: as it is installed.
  const build = join(dirname(fromRunner('TEST_FAULTY_SERVICE')), '../../..');
  const child = spawn(process.execPath, [join(build, `${kind}/main.js`)], {
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    env: {
      ...process.env,
      ...surroundings.env,
      TMPDIR: surroundings.folder,
      WORKFLOW_BUNDLE: fromRunner('TEST_WORKFLOW_BUNDLE'),
    },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const words = () => readFileSync(logFile, 'utf8');
  const running = () => child.exitCode === null && child.signalCode === null;
  await eventually(
    `the process ${name} is up`,
    async () => !running() || words().includes(kind === 'api' ? 'ingress is up' : 'worker is up'),
    START_LIMIT_MS,
  );
  if (!running()) throw new Error(`The process ${name} ended. Its log: ${words()}`);
  const ingressUrl = /"ingressUrl":"([^"]+)"/.exec(words())?.[1] ?? '';
  if (kind === 'api')
    await surroundings.simulator.control.registerApp(surroundings.appId, {
      callback_url: `${ingressUrl}/webhooks/talkdesk`,
    });
  return { pid: child.pid as number, logFile, ingressUrl, running, end: (signal) => end(child, signal) };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}
