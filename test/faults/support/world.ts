import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createChildren } from '../../../local/children.js';
import { startPostgres } from '../../../local/postgres.js';
import { applyMigrations } from '../../../store/migrations.js';
import { createSurroundings, type Surroundings } from '../../support/stack.js';
import { createOwnDevServer, type OwnTemporalServer } from '../../support/temporal.js';
import { type Wire, startWire } from './wire.js';
import { type FaultyService, startFaultyService } from './service.js';

const TEMPLATE = 'faults_template';

/** Everything of its own: PostgreSQL and Temporal with files, simulator, and some service processes, each of which may be killed. */
export interface FaultWorld {
  surroundings: Surroundings;
  temporal: OwnTemporalServer;
  postgres: {
    /** Ends it as a power cut would, and starts it on the same files. */
    crash(): Promise<void>;
    /** Ends it in order, until `start`. */
    stop(): Promise<void>;
    /** Starts it on the same files and port. */
    start(): Promise<void>;
    /** Its main process; its folder holds its files. */
    pid(): number;
    /** Ends every connection to the service's database. */
    dropConnections(): Promise<void>;
  };
  /** Wires from the services to what they need. Talkdesk's is the simulator's to cut (its faults). */
  wires: { postgres: Wire; temporal: Wire; product: Wire };
  /** Where everything keeps its files. */
  folder: string;
  /** Starts one more. */
  startService(): Promise<FaultyService>;
  /** Those that run; the simulator's events go to the first. */
  services: FaultyService[];
  /** Kills one, of course without a word; it is replaced with `heal`. */
  killService(index: number): Promise<void>;
  /** Starts what does not run. */
  heal(): Promise<void>;
  /** Ends of services that nobody asked for, in words. */
  unplanned: string[];
  stop(): Promise<void>;
}

/**
 * @param options.services how many processes of ingress and worker
 * @param options.env further settings of the services
 * @param options.postgresSettings settings of the PostgreSQL server
 */
export async function startFaultWorld(options: {
  services: number;
  env?: Record<string, string>;
  postgresSettings?: Record<string, string>;
}): Promise<FaultWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'appconnect-faults-'));
  // PostgreSQL may run as another user, who must be able to enter.
  chmodSync(folder, 0o755);
  const say = () => undefined;
  const children = createChildren({ dataDir: folder, say });
  const start = (port?: number) =>
    startPostgres({
      dataDir: folder,
      children,
      say,
      env: process.env,
      settings: options.postgresSettings ?? {},
      ...(port === undefined ? {} : { port }),
    });
  let postgres = await start();
  const address = postgres.urlOf('postgres');
  const port = Number(new URL(address).port);
  await postgres.ensureDatabase(TEMPLATE);
  await applyMigrations(postgres.urlOf(TEMPLATE));
  process.env['TEST_POSTGRES_URL'] = address;
  process.env['TEST_TEMPLATE_DATABASE'] = TEMPLATE;
  const temporal = await createOwnDevServer({ dir: folder });
  const surroundings = await createSurroundings({
    temporalAddress: temporal.address,
    ...(options.env && { env: options.env }),
  });
  const [toPostgres, toTemporal, toProduct] = await Promise.all([
    startWire({ host: '127.0.0.1', port }),
    startWire({ host: '127.0.0.1', port: Number(temporal.address.split(':')[1]) }),
    startWire({ host: '127.0.0.1', port }),
  ]);
  surroundings.env['DATABASE_URL'] = toPostgres.through(surroundings.database.url);
  surroundings.env['PRODUCT_DATABASE_URL'] = toProduct.through(surroundings.product.url);
  surroundings.env['TEMPORAL_ADDRESS'] = toTemporal.address;
  const unplanned: string[] = [];
  const killed = new Set<FaultyService>();
  const starts: Promise<FaultyService>[] = [];

  async function startOne(): Promise<FaultyService> {
    const start = startFaultyService(surroundings, `service-${starts.length + 1}`);
    starts.push(start);
    const service = await start;
    void service.ended.then((how) => {
      if (!killed.has(service)) unplanned.push(`process ${service.pid} ended with ${how}; its log: ${service.logFile}`);
    });
    return service;
  }

  const world: FaultWorld = {
    surroundings,
    temporal,
    folder,
    wires: { postgres: toPostgres, temporal: toTemporal, product: toProduct },
    unplanned,
    services: await Promise.all(Array.from({ length: options.services }, startOne)),
    postgres: {
      async crash() {
        process.kill(postgres.child.pid, 'SIGKILL');
        await postgres.child.ended;
        postgres = await start(port);
      },
      stop: () => postgres.stop(),
      async start() {
        postgres = await start(port);
      },
      pid: () => postgres.child.pid,
      async dropConnections() {
        const { pathname } = new URL(surroundings.database.url);
        await surroundings.product.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()`,
          [pathname.slice(1)],
        );
      },
    },
    async startService() {
      const service = await startOne();
      world.services.push(service);
      return service;
    },
    async killService(index) {
      const service = world.services[index];
      if (service === undefined || !service.running()) return;
      killed.add(service);
      await service.signal('SIGKILL');
    },
    async heal() {
      world.services = await Promise.all(
        world.services.map(async (service) => (service.running() ? service : await startOne())),
      );
      const [first] = world.services;
      await surroundings.simulator.control.registerApp(surroundings.appId, {
        callback_url: `${first?.ingressUrl}/webhooks/talkdesk`,
      });
    },
    async stop() {
      // Also those whose start was given up, because another one's failed.
      for (const start of await Promise.allSettled(starts)) {
        if (start.status === 'rejected') continue;
        killed.add(start.value);
        if (start.value.running()) await start.value.signal('SIGKILL');
      }
      await surroundings.stop();
      await Promise.all([toPostgres, toTemporal, toProduct].map((wire) => wire.stop()));
      await temporal.stop();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return world;
}
