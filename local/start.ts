import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Observer } from '../contracts/facts.js';
import type { RunningService } from '../service/start.js';
import { ensureBinary } from './binaries.js';
import { type Child, createChildren } from './children.js';
import { explainFileError, LocalError, messageOf } from './local-error.js';
import { type Postgres, startPostgres } from './postgres.js';
import { claimPorts, lockDataDir, wordsOfLittleRoom } from './preflight.js';
import { hasDevelopmentClock } from './service-env.js';
import type { LocalSettings } from './settings.js';
import { type Simulator, startSimulator } from './simulator.js';
import { startTemporalServer, type TemporalServer } from './temporal-server.js';

/** Everything of the local mode, up and serving. */
export interface RunningLocal {
  simulator: Simulator;
  service: RunningService;
  /** Apps that the service knows. */
  appIds: string[];
  temporal: { address: string | null; namespace: string; uiUrl: string | null };
  /** Address of the sample product's own database, with its password. Never print it. */
  productDatabaseUrl: string;
  /** Whether accounts are provisioned in the sample product. */
  usesSample: boolean;
}

export interface LocalOptions {
  env: NodeJS.ProcessEnv;
  settings: LocalSettings;
  say: (line: string) => void;
  observe: Observer;
}

/** The local mode from the outside: start it once, stop it once, whatever state the start is in. */
export interface Local {
  /** @throws LocalError, or whatever a part could not be started for; call `stop` all the same */
  start(): Promise<RunningLocal>;
  /** Rejects with a LocalError when a part ends by itself. */
  failed: Promise<never>;
  /** Stops what was started in order: ingress, worker, simulator, Temporal, PostgreSQL. Never throws. */
  stop(): Promise<void>;
  /** Last resort, synchronous: no child may outlive this process. */
  killAll(): void;
}

/** Nothing is stopped before what depends on it; the service stops its ingress before its worker. */
const STOP_ORDER = ['The service', 'The simulator', 'Temporal', 'PostgreSQL', 'The data folder'] as const;
type PartName = (typeof STOP_ORDER)[number];
/** Parts come up within a second or two. */
const START_GRACE_MS = 5_000;
const WORKER_LIMIT_MS = 30_000;

interface Closing {
  what: PartName;
  close: () => Promise<void> | void;
}

/** @param options.observe is told every fact of the service */
export function createLocal({ env, settings, say, observe }: LocalOptions): Local {
  const { dataDir } = settings;
  const children = createChildren({ dataDir, say });
  const closing: Closing[] = [];
  let starting: Promise<RunningLocal> | null = null;
  let stopping: Promise<void> | null = null;
  let fail: (error: LocalError) => void;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);

  /** Takes charge of a part that has started; a part that comes up while everything stops is stopped at once. */
  async function own<Part extends { child: Child; stop(): Promise<void> }>(what: PartName, part: Part): Promise<Part> {
    closing.push({ what, close: () => part.stop() });
    if (stopping !== null) throw stoppedWhileStarting();
    say(`  ${what} is up, ${(performance.now() / 1000).toFixed(1)} s`);
    void part.child.ended.then((how) => {
      if (stopping !== null) return;
      fail(
        new LocalError(
          `${what} ${how} unexpectedly. Its last lines (${part.child.logFile}):\n${part.child.lastLines()}`,
        ),
      );
    });
    return part;
  }

  async function startAll(): Promise<RunningLocal> {
    const lock = await lockDataDir(dataDir);
    closing.push({ what: 'The data folder', close: () => lock.release() });
    const warning = wordsOfLittleRoom(dataDir);
    if (warning !== null) say(warning);
    await children.endOrphans();
    const ports = await claimPorts(settings);
    // Before anything runs: it may be missing, or take minutes to fetch.
    const cli = settings.temporal === null ? '' : await ensureBinary('temporal', { env, say });
    // What the later steps wait for begins at once.
    const temporalStarts = settings.temporal === null ? null : startOwnTemporal(cli, ports.temporal, ports.temporalUi);
    const [postgres, temporal, simulator, { prepareDatabases, startOwnService }] = await allOrFirstFailure([
      settings.postgresPort === null ? null : startOwnPostgres(settings.postgresPort),
      temporalStarts,
      startOwnSimulator(ports, temporalStarts),
      // Reading the service's modules takes longer than the servers do: it begins when those are on their way.
      import('./own-service.js'),
    ]);
    const { databaseUrl, productDatabaseUrl } = await prepareDatabases(postgres, { dataDir, env });
    say(`  The databases are up to date, ${(performance.now() / 1000).toFixed(1)} s`);
    const { service, config, logFile, bundled } = await startOwnService({
      env,
      observe,
      dataDir,
      databaseUrl,
      productDatabaseUrl,
      temporalAddress: temporal?.address ?? null,
      simulatorRegions: simulator.regions,
      ingress: { host: settings.ingress.host, port: ports.ingress },
      ops: { host: settings.ops.host, port: ports.ops },
    });
    closing.push({ what: 'The service', close: () => service.stop() });
    if (stopping !== null) throw stoppedWhileStarting();
    service.done.catch((error: unknown) =>
      fail(new LocalError(`The worker ended: ${messageOf(error)}. Its log: ${logFile}`)),
    );
    await Promise.race([service.working, failed, workerOverdue(bundled, config.temporal.connectionOptions.address)]);
    const appIds = Object.keys(config.apps);
    return {
      simulator,
      service,
      appIds,
      temporal: {
        address: temporal?.address ?? null,
        namespace: config.temporal.namespace,
        uiUrl: temporal?.uiUrl ?? null,
      },
      productDatabaseUrl,
      usesSample: config.apps[appIds[0] ?? '']?.product.adapter === 'sample',
    };
  }

  async function startOwnPostgres(port: number): Promise<Postgres> {
    return own('PostgreSQL', await startPostgres({ dataDir, children, say, port, env }));
  }

  async function startOwnTemporal(cli: string, port: number, uiPort: number): Promise<TemporalServer> {
    const dir = join(dataDir, 'temporal');
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    return own(
      'Temporal',
      await startTemporalServer({ cli, children, env, dbFile: join(dir, 'temporal.db'), port, uiPort }),
    );
  }

  async function startOwnSimulator(
    ports: Awaited<ReturnType<typeof claimPorts>>,
    temporal: Promise<TemporalServer> | null,
  ): Promise<Simulator & { stop(): Promise<void> }> {
    // A port that the server chooses is known when it is up.
    const uiUrl = ports.temporalUi ? `http://127.0.0.1:${ports.temporalUi}` : ((await temporal)?.uiUrl ?? null);
    const opsUrl = hasDevelopmentClock(env) ? urlOfListener(settings.ops.host, ports.ops) : null;
    const { host } = settings.simulator;
    const part = await startSimulator({ children, env, host, port: ports.simulator, opsUrl, uiUrl });
    return own('The simulator', { ...part, stop: () => part.child.stop() });
  }

  async function stopAll(): Promise<void> {
    // A part that is just coming up must be known before it can be stopped. A transfer may take minutes and is not waited for.
    await Promise.race([starting?.catch(() => undefined), sleep(START_GRACE_MS, undefined, { ref: false })]);
    const inOrder = STOP_ORDER.flatMap((what) => closing.filter((part) => part.what === what));
    for (const { what, close } of inOrder) {
      try {
        await close();
      } catch (error) {
        say(`${what} did not stop in order: ${messageOf(error)}`);
      }
    }
  }

  return {
    start() {
      starting ??= startAll().catch((error: unknown) => {
        const { path } = error as NodeJS.ErrnoException;
        throw path?.startsWith(dataDir)
          ? explainFileError(error, `write to the data folder ${dataDir}`, 'DATA_DIR')
          : error;
      });
      return starting;
    },
    failed,
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
    killAll: () => children.killAll(),
  };
}

/** A Temporal server of the user's own may be away; the worker itself would wait for it for ever. */
async function workerOverdue(bundled: Promise<void>, address: string | undefined): Promise<never> {
  await bundled;
  await sleep(WORKER_LIMIT_MS, undefined, { ref: false });
  throw new LocalError(
    `The worker is not up after ${WORKER_LIMIT_MS / 1000} s: is Temporal serving at ${address}? Correct TEMPORAL_ADDRESS, or unset it for an own server.`,
  );
}

/** The address by which this machine reaches a listener; one that stands for all is reached through loopback. */
function urlOfListener(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '::') return `http://127.0.0.1:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function stoppedWhileStarting(): LocalError {
  return new LocalError('Stopped while starting.');
}

/** Like `Promise.all`, but waits for the others before it rejects: what they have started must be known to be stopped. */
async function allOrFirstFailure<A, B, C, D>(
  parts: [A, B, C, D],
): Promise<[Awaited<A>, Awaited<B>, Awaited<C>, Awaited<D>]> {
  const results = await Promise.allSettled(parts);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return Promise.all(parts);
}
