import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Child, Children } from './children.js';
import { LocalError, messageOf } from './local-error.js';
import { accepts, claimPort, freePort } from './ports.js';

/** A Temporal dev server of our own, on 127.0.0.1. */
export interface TemporalServer {
  /** `host:port` for clients and workers. */
  address: string;
  /** Address of the Web UI, or null when it runs without. */
  uiUrl: string | null;
  child: Child;
  stop(): Promise<void>;
}

export interface TemporalServerOptions {
  /** Path of the Temporal CLI. */
  cli: string;
  children: Children;
  env: NodeJS.ProcessEnv;
  /** File that keeps everything; null: in memory, gone with the server. */
  dbFile: string | null;
  /** 0 or absent: any free port. */
  port?: number;
  /** 0: any free port; null: no Web UI. */
  uiPort: number | null;
  /** Days a closed run stays visible. */
  retentionDays?: number;
  /** `key=value` of the server's dynamic configuration, besides ours. */
  dynamicConfig?: string[];
}

/** Longer than any window of Talkdesk (7 days), so that a run's history is there as long as its event may be asked about. */
const RETENTION_DAYS = 14;
const NAMESPACE = 'default';
const START_LIMIT_MS = 60_000;
/** Between two looks at a server that is coming up. */
const PROBE_MS = 25;
/** Its file survives a kill (WAL, every commit synced), so waiting for the server's own 1.5 to 30 s is not worth it. */
const STOP_LIMIT_MS = 3_000;
/** In memory there is nothing to bring to an end. */
const STOP_IN_MEMORY_LIMIT_MS = 200;

/**
 * Starts the server and waits until its namespace serves.
 * @throws LocalError with the server's last words when it does not start
 */
export async function startTemporalServer(options: TemporalServerOptions): Promise<TemporalServer> {
  // Asked first: the client below would wait for an answer of whatever else listens there.
  if (options.port) await claimPort(options.port, 'Temporal server', 'TEMPORAL_PORT');
  if (options.uiPort) await claimPort(options.uiPort, 'Temporal Web UI', 'TEMPORAL_UI_PORT');
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port || (await freePort());
    const uiPort = options.uiPort === null ? null : options.uiPort || (await freePort());
    const child = options.children.start({
      what: 'temporal',
      command: options.cli,
      args: argumentsOf(options, port, uiPort),
      env: withoutTemporalSettings(options.env),
      stopSignal: 'SIGTERM',
      stopTimeoutMs: options.dbFile === null ? STOP_IN_MEMORY_LIMIT_MS : STOP_LIMIT_MS,
    });
    const address = `127.0.0.1:${port}`;
    const problem = await waitUntilServing(child, port, options.retentionDays ?? RETENTION_DAYS);
    if (problem === null) {
      return { address, uiUrl: uiPort === null ? null : `http://127.0.0.1:${uiPort}`, child, stop: () => child.stop() };
    }
    await child.stop();
    const words = child.lastLines();
    const portTaken = /address already in use|can't set frontend port|can't set UI port/i.test(words);
    // Someone else took a port between our choice and the server's bind; a port that was asked for is not changed.
    if (portTaken && attempt < 5 && !options.port && !options.uiPort) continue;
    throw new LocalError(explain(problem, words, child, port, uiPort));
  }
}

function argumentsOf(options: TemporalServerOptions, port: number, uiPort: number | null): string[] {
  const file =
    options.dbFile === null
      ? []
      : ['--db-filename', options.dbFile, '--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=FULL'];
  const dynamicConfig = [
    // One partition is fastest on one machine: no forwarding between partitions.
    'matching.numTaskqueueReadPartitions=1',
    'matching.numTaskqueueWritePartitions=1',
    // The timers of a run can be taken to a later time, each within milliseconds instead of a second (api/temporal-time.ts).
    'frontend.WorkflowTimeSkippingEnabled=true',
    'history.timerProcessorMaxTimeShift="10ms"',
    'history.timerProcessorMaxPollRPS=1000',
    // A task is not given to a worker that has just been told to stop, where it would be lost for five seconds.
    'frontend.enableCancelWorkerPollsOnShutdown=true',
    ...(options.dynamicConfig ?? []),
  ];
  return [
    'server',
    'start-dev',
    '--ip',
    '127.0.0.1',
    '--port',
    String(port),
    ...(uiPort === null ? ['--headless'] : ['--ui-port', String(uiPort)]),
    ...file,
    '--search-attribute',
    'InstallationId=Keyword',
    '--log-level',
    'warn',
    ...dynamicConfig.flatMap((value) => ['--dynamic-config-value', value]),
  ];
}

/** Null when the namespace serves and keeps closed runs long enough; otherwise the reason in a phrase. */
async function waitUntilServing(child: Child, port: number, retentionDays: number): Promise<string | null> {
  const connection = Connection.lazy({ address: `127.0.0.1:${port}`, connectTimeout: 2_000 });
  const deadline = performance.now() + START_LIMIT_MS;
  let problem = 'it does not listen';
  try {
    while (performance.now() < deadline) {
      if (!child.running()) return child.ended;
      // The client waits for a second or more after a port that refuses it; the server listens after a third of one.
      if (!(await accepts(port))) {
        await sleep(PROBE_MS);
        continue;
      }
      try {
        await connection.withDeadline(Date.now() + 2_000, async () => {
          await connection.workflowService.describeNamespace({ namespace: NAMESPACE });
          await connection.workflowService.updateNamespace({
            namespace: NAMESPACE,
            config: { workflowExecutionRetentionTtl: msToTs(`${retentionDays} days`) },
          });
        });
        return child.running() ? null : child.ended;
      } catch (error) {
        problem = messageOf(error);
        await sleep(PROBE_MS);
      }
    }
  } finally {
    await connection.close();
  }
  return `does not answer after ${START_LIMIT_MS / 1000} s (${problem})`;
}

function explain(problem: string, words: string, child: Child, port: number, uiPort: number | null): string {
  if (/no space left|database or disk is full/i.test(words)) {
    return 'Temporal did not start: the disk is full. Make room or choose another disk with DATA_DIR.';
  }
  if (/address already in use|can't set frontend port|can't set UI port/i.test(words)) {
    const ports = uiPort === null ? `${port}` : `${port} or ${uiPort}`;
    return `Temporal did not start: port ${ports} is in use. Choose others with TEMPORAL_PORT and TEMPORAL_UI_PORT (0 for any free one).`;
  }
  return `Temporal ${problem}. Its last lines (${child.logFile}):\n${words}`;
}

/** TEMPORAL_* variables speak to clients; the CLI would read them too. Passwords and keys of ours are none of its business. */
function withoutTemporalSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = [
    'PATH',
    'HOME',
    'TMPDIR',
    'TEMP',
    'TMP',
    'SystemRoot',
    'LOCALAPPDATA',
    'APPDATA',
    'USERPROFILE',
    'XDG_CONFIG_HOME',
  ];
  return Object.fromEntries(kept.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const])));
}
