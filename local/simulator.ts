import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Child, Children } from './children.js';
import { LocalError, messageOf } from './local-error.js';

/** An installation that the stand-in Talkdesk has made up and sent. */
export interface SentInstallation {
  installationId: string;
  eventId: string;
  appId: string;
  accountId: string;
  accountName: string;
}

/** The stand-in Talkdesk, a child process, steered over its control API only. */
export interface Simulator {
  /** Public base URL of its first region, without a slash at its end. */
  url: string;
  /** Public base URL of every region, by the region's name. */
  regions: Record<string, string>;
  child: Child;
  /** Names the app and where its events go. */
  registerApp(appId: string, callbackUrl: string): Promise<void>;
  /** Makes an installation and starts to deliver its `app.installed`. */
  install(appId: string): Promise<SentInstallation>;
  /** Its state in Talkdesk's words, and its number of users. */
  installation(installationId: string): Promise<{ state: string; users: number }>;
}

/** Settings of the simulator that are handed on as they are. */
const HANDED_ON = [
  'SIMULATOR_BASE_URL',
  'SIMULATOR_REGIONS',
  'SIMULATOR_REGION_PORTS',
  'SIMULATOR_REGION_BASE_URLS',
  'SIMULATOR_RUN_LINK',
  'SIMULATOR_CLOCK_FOLLOWERS',
] as const;

/**
 * The list of a tenant's runs (contracts/ids.ts), whose ids the simulator does not know: the Web UI shows nothing at a workflow id
 * without the id of a run. `WorkflowId="<app_id>/<account_id>"`, percent-encoded.
 */
const RUNS_OF_TENANT = 'workflows?query=WorkflowId%3D%22{app_id}%2F{account_id}%22';
const START_LIMIT_MS = 20_000;
const CALL_LIMIT_MS = 10_000;

/**
 * Starts it and waits until it listens.
 * @param options.opsUrl the service's ops listener, which is told the simulator's time; null: its clock is its own
 * @param options.uiUrl Temporal's Web UI, where the simulator's page links to runs; null: there is none
 * @throws LocalError with its last words when it does not
 */
export async function startSimulator(options: {
  children: Children;
  env: NodeJS.ProcessEnv;
  host: string;
  port: number;
  opsUrl: string | null;
  uiUrl: string | null;
}): Promise<Simulator> {
  const program = fileURLToPath(new URL('../simulator/main.js', import.meta.url));
  const { opsUrl, uiUrl } = options;
  const child = options.children.start({
    what: 'simulator',
    command: process.execPath,
    args: [...process.execArgv, program],
    env: {
      PATH: options.env['PATH'],
      TMPDIR: options.env['TMPDIR'],
      SIMULATOR_HOST: options.host,
      SIMULATOR_PORT: String(options.port),
      ...(opsUrl === null ? {} : { SIMULATOR_CLOCK_FOLLOWERS: `${opsUrl}/dev/clock` }),
      ...(uiUrl === null ? {} : { SIMULATOR_RUN_LINK: `${uiUrl}/namespaces/default/${RUNS_OF_TENANT}` }),
      ...Object.fromEntries(
        HANDED_ON.flatMap((name) => (options.env[name] ? [[name, options.env[name]] as const] : [])),
      ),
    },
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 3_000,
    // It ends by itself when the channel closes, so a killed parent leaves none behind.
    ipc: true,
  });
  const listening = await listeningUrl(child);
  const control = (method: string, path: string, body?: unknown) =>
    callControl(`${listening}/_control${path}`, method, body);
  const health = await control('GET', '/health');
  return {
    url: String(health['base_url']),
    regions: health['regions'] as Record<string, string>,
    child,
    async registerApp(appId, callbackUrl) {
      await control('PUT', `/apps/${encodeURIComponent(appId)}`, { callback_url: callbackUrl });
    },
    async install(appId) {
      const made = await control('POST', '/installations', { app_id: appId });
      return {
        installationId: String(made['installation_id']),
        eventId: String(made['event_id']),
        appId,
        accountId: String(made['account_id']),
        accountName: String(made['account_name']),
      };
    },
    async installation(installationId) {
      const view = await control('GET', `/installations/${encodeURIComponent(installationId)}`);
      return { state: String(view['state']), users: Number(view['users_total']) };
    },
  };
}

async function listeningUrl(child: Child): Promise<string> {
  const deadline = performance.now() + START_LIMIT_MS;
  while (performance.now() < deadline) {
    const url = /^\{"listening":"([^"]+)".*\}$/m.exec(child.output())?.[1];
    if (url !== undefined) return url;
    if (!child.running()) {
      throw new LocalError(
        `The simulator ${await child.ended}. Its last lines (${child.logFile}):\n${child.lastLines()}`,
      );
    }
    await sleep(20);
  }
  throw new LocalError(`The simulator does not listen after ${START_LIMIT_MS / 1000} s. Its log: ${child.logFile}`);
}

async function callControl(url: string, method: string, body: unknown): Promise<Record<string, unknown>> {
  try {
    const response = await fetch(url, {
      method,
      signal: AbortSignal.timeout(CALL_LIMIT_MS),
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new Error(`${response.status} ${String(answer['error'])}`);
    return answer;
  } catch (error) {
    throw new LocalError(
      `The simulator's control API did not do what was asked (${method} ${new URL(url).pathname}): ${messageOf(error)}`,
    );
  }
}
