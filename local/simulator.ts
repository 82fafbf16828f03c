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
  /** Public base URL, without a slash at its end. */
  url: string;
  child: Child;
  /** Names the app and where its events go. */
  registerApp(appId: string, callbackUrl: string): Promise<void>;
  /** Makes an installation and starts to deliver its `app.installed`. */
  install(appId: string): Promise<SentInstallation>;
  /** Its state in Talkdesk's words, and its number of users. */
  installation(installationId: string): Promise<{ state: string; users: number }>;
}

const START_LIMIT_MS = 20_000;
const CALL_LIMIT_MS = 10_000;

/**
 * Starts it and waits until it listens.
 * @throws LocalError with its last words when it does not
 */
export async function startSimulator(options: {
  children: Children;
  env: NodeJS.ProcessEnv;
  host: string;
  port: number;
}): Promise<Simulator> {
  const program = fileURLToPath(new URL('../simulator/main.js', import.meta.url));
  const baseUrl = options.env['SIMULATOR_BASE_URL']?.replace(/\/+$/, '');
  const child = options.children.start({
    what: 'simulator',
    command: process.execPath,
    args: [...process.execArgv, program],
    env: {
      PATH: options.env['PATH'],
      TMPDIR: options.env['TMPDIR'],
      SIMULATOR_HOST: options.host,
      SIMULATOR_PORT: String(options.port),
      ...(baseUrl ? { SIMULATOR_BASE_URL: baseUrl } : {}),
    },
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 3_000,
    // It ends by itself when the channel closes, so a killed parent leaves none behind.
    ipc: true,
  });
  const listening = await listeningUrl(child);
  const control = (method: string, path: string, body?: unknown) =>
    callControl(`${listening}/_control${path}`, method, body);
  return {
    url: baseUrl || listening,
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
    const url = /^\{"listening":"([^"]+)"\}$/m.exec(child.output())?.[1];
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
