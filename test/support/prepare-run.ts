import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ensureBinary } from '../../local/binaries.js';
import { createChildren } from '../../local/children.js';
import { messageOf } from '../../local/local-error.js';
import { startPostgres } from '../../local/postgres.js';
import { startTemporalServer } from '../../local/temporal-server.js';
import { applyMigrations } from '../../store/migrations.js';
import { buildWorkflowBundle } from '../../worker/build-bundle.js';
import { ensureBrowser } from './browser-binary.js';

/** The servers of one run of the tests. */
export interface PreparedRun {
  /** What the tests get to know. */
  env: Record<string, string>;
  /** Preparations that failed; the tests that need them fail on their own. */
  problems: string[];
  stop(): Promise<void>;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TEMPLATE_DATABASE = 'appconnect_template';

/** The tests' folder for temporary files, in the run's. Its name is in the environment of everything that a test starts. */
export const tmpOf = (runDir: string) => join(runDir, 'tmp');

/**
 * Starts the servers, and makes the migrated template database and the workflow bundle meanwhile.
 * @param runDir folder of the run; servers keep their files there
 * @param wants.browser whether a test wants a browser
 * @param wants.faultyService whether a test wants a service that it can kill at a call
 */
export async function prepareRun(
  runDir: string,
  say: (line: string) => void,
  wants: { browser: boolean; faultyService: boolean },
): Promise<PreparedRun> {
  const children = createChildren({ dataDir: runDir, say });
  process.on('exit', () => children.killAll());
  const problems: string[] = [];
  const stops: (() => Promise<void>)[] = [];
  const ownTmp = tmpOf(runDir);
  mkdirSync(ownTmp);
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    // A setting of the developer's shell must not change a test; node's own mark would make it report to another runner.
    if (value !== undefined && !isSetting(name) && name !== 'NODE_TEST_CONTEXT') env[name] = value;
  }
  Object.assign(env, { TMPDIR: ownTmp, TEMP: ownTmp, TMP: ownTmp });

  const tasks: Record<string, () => Promise<void>> = {
    PostgreSQL: async () => {
      // Tests kill servers of their own where a crash matters; this one need not survive any.
      const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300' };
      const postgres = await startPostgres({ dataDir: runDir, children, say, settings, env: process.env });
      stops.push(() => postgres.stop());
      env['TEST_POSTGRES_URL'] = postgres.urlOf('postgres');
      await postgres.ensureDatabase(TEMPLATE_DATABASE);
      await applyMigrations(postgres.urlOf(TEMPLATE_DATABASE));
      env['TEST_TEMPLATE_DATABASE'] = TEMPLATE_DATABASE;
    },
    Temporal: async () => {
      const cli = await ensureBinary('temporal', { env: process.env, say });
      env['TEST_TEMPORAL_CLI'] = cli;
      const temporal = await startTemporalServer({ cli, children, env: process.env, dbFile: null, uiPort: null });
      stops.push(() => temporal.stop());
      env['TEST_TEMPORAL_ADDRESS'] = temporal.address;
    },
    'the time-skipping test server': async () => {
      env['TEST_TIME_SKIPPING_SERVER'] = await ensureBinary('temporal-test-server', { env: process.env, say });
    },
    'the workflow bundle': async () => {
      const file = join(runDir, 'workflow-bundle.js');
      writeFileSync(file, (await buildWorkflowBundle()).code);
      env['TEST_WORKFLOW_BUNDLE'] = file;
    },
    ...(wants.faultyService && {
      'the service to be killed': async () => {
        env['TEST_FAULTY_SERVICE'] = await buildFaultyService();
      },
    }),
    ...(wants.browser && {
      'the browser': async () => {
        env['TEST_BROWSER'] = await ensureBrowser({ env: process.env, say });
      },
    }),
  };
  await Promise.all(
    Object.entries(tasks).map(([what, task]) =>
      task().catch((error: unknown) => {
        problems.push(`${what}: ${messageOf(error)}`);
      }),
    ),
  );
  for (const problem of problems) say(`NOT PREPARED: ${problem}`);
  return {
    env,
    problems,
    async stop() {
      await Promise.allSettled(stops.map((stop) => stop()));
      children.killAll();
    },
  };
}

/**
 * Compiles the service that fault tests kill, and ingress and worker, and gives the service's file. They start hundreds of processes,
 * and each start from the sources would take half as long again.
 */
export async function buildFaultyService(): Promise<string> {
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  await promisify(execFile)(process.execPath, [compiler, '-p', 'test/faults/support/tsconfig.json'], { cwd: ROOT });
  return join(ROOT, '.faults-build/test/faults/support/child.js');
}

/** Settings of the service and the simulator, and of the test servers. */
function isSetting(name: string): boolean {
  return (
    /^(TEMPORAL_(?!CLI_PATH$|TEST_SERVER_PATH$)|OPS_|SIMULATOR_|TALKDESK_|SEALING_|PRODUCT_|DATABASE_|TEST_|PG[A-Z]+$)/.test(
      name,
    ) ||
    [
      'HOST',
      'PORT',
      'APPS_FILE',
      'DATA_DIR',
      'LOG_LEVEL',
      'ALLOW_INSECURE_HTTP',
      'NODE_ENV',
      'WORKFLOW_BUNDLE',
      'SWEEP_INTERVAL_MS',
    ].includes(name)
  );
}
