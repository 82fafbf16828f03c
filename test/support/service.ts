import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { loadConfig } from '../../config/index.js';
import { createLogger } from '../../config/logger.js';
import type { Clock } from '../../contracts/clock.js';
import type { LifecycleFact } from '../../contracts/facts.js';
import { type RunningService, startService } from '../../service/start.js';
import { eventually } from './eventually.js';
import type { Surroundings } from './stack.js';
import { testWorkflowBundle } from './temporal.js';

/** The service in this process, with the simulator's app pointing at it. */
export interface TestService extends RunningService {
  facts: LifecycleFact[];
  /** Log lines so far, as text. */
  logText(): string;
}

/** Starts ingress and worker in this process and waits until the worker polls, unless `waitForWorker` is false. */
export async function startTestService(
  surroundings: Surroundings,
  options: { now?: Clock; activityInterceptors?: ActivityInterceptorsFactory[]; waitForWorker?: boolean } = {},
): Promise<TestService> {
  const facts: LifecycleFact[] = [];
  let logText = '';
  const service = await startService(loadConfig(surroundings.env), {
    observe: (fact) => facts.push(fact),
    log: createLogger({
      level: 'debug',
      destination: {
        write(line: string) {
          logText += line;
        },
      },
    }),
    workflowBundle: testWorkflowBundle(),
    ...(options.now === undefined ? {} : { now: options.now }),
    activityInterceptors: options.activityInterceptors ?? [],
  });
  await pointSimulatorAt(surroundings, service.ingressUrl);
  if (options.waitForWorker !== false) await service.working;
  return { ...service, facts, logText: () => logText };
}

/** A process of the service, so that it can be killed. */
export interface ServiceProcess {
  pid: number;
  ingressUrl: string;
  /** Path of its log. */
  logFile: string;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Starts `service/main.ts` as a process of its own on fixed ports chosen here, and waits until it accepts and works. */
export async function startServiceProcess(surroundings: Surroundings, name: string): Promise<ServiceProcess> {
  const logFile = `${surroundings.folder}/${name}.log`;
  const child = spawn(process.execPath, ['--import', 'tsx', 'service/main.ts'], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { ...process.env, ...surroundings.env, TMPDIR: surroundings.folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  writeFileSync(logFile, '');
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => writeFileSync(logFile, chunk, { flag: 'a' }));
  }
  await eventually(
    `the process ${name} works; its log: ${logFile}`,
    async () => {
      if (child.exitCode !== null) throw new Error(readFileSync(logFile, 'utf8'));
      return readFileSync(logFile, 'utf8').includes('worker is up');
    },
    60_000,
  );
  const address = /"ingressUrl":"([^"]+)"/.exec(readFileSync(logFile, 'utf8'))?.[1];
  if (address === undefined) throw new Error('the process did not say where it listens');
  await pointSimulatorAt(surroundings, address);
  return {
    pid: child.pid as number,
    ingressUrl: address,
    logFile,
    kill: (signal) => kill(child, signal),
  };
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

async function pointSimulatorAt(surroundings: Surroundings, ingressUrl: string): Promise<void> {
  await surroundings.simulator.control.registerApp(surroundings.appId, {
    callback_url: `${ingressUrl}/webhooks/talkdesk`,
  });
}
