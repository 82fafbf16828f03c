import { existsSync } from 'node:fs';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { TemporalConfig, TemporalConnectionConfig } from './config.js';
import type { Problems } from './problems.js';

const DEFAULT_ADDRESS = 'localhost:7233';
const DEFAULT_NAMESPACE = 'default';
const DEFAULT_TASK_QUEUE = 'appconnect';
/** host:port, an IPv6 host in brackets. A scheme in front is the usual mistake. */
const ADDRESS = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/;
const PREFIX = 'TEMPORAL_';
const TLS_FILES = ['TEMPORAL_TLS_CLIENT_CERT_PATH', 'TEMPORAL_TLS_CLIENT_KEY_PATH', 'TEMPORAL_TLS_SERVER_CA_CERT_PATH'];

/** Name of the task queue. */
export function readTaskQueue(env: Readonly<Record<string, string>>, problems: Problems): string {
  const taskQueue = env['TEMPORAL_TASK_QUEUE'] ?? DEFAULT_TASK_QUEUE;
  if (taskQueue.length > 200) problems.add('TEMPORAL_TASK_QUEUE', 'must have at most 200 characters');
  return taskQueue;
}

/**
 * Reads where Temporal is, as Temporal's own tools do: variables first, then the profile file. What those tools would pass over in
 * silence (a switch that is neither true nor false, a certificate without its key) is a problem here.
 */
export function readTemporal(
  env: Readonly<Record<string, string>>,
  taskQueue: string,
  problems: Problems,
): TemporalConfig {
  const known = problems.list().length;
  checkVariables(env, problems);
  const fallback = { connectionOptions: { address: DEFAULT_ADDRESS }, namespace: DEFAULT_NAMESPACE, taskQueue };
  if (problems.list().length > known) return fallback;
  try {
    const loaded = loadClientConnectConfig({ overrideEnvVars: { ...env } });
    const { address, tls, apiKey, metadata } = loaded.connectionOptions;
    if (address !== undefined) checkAddress(address, problems);
    const connectionOptions: TemporalConnectionConfig = {
      address: address ?? DEFAULT_ADDRESS,
      ...(tls === undefined ? {} : { tls }),
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(metadata === undefined ? {} : { metadata }),
    };
    return { connectionOptions, namespace: loaded.namespace ?? DEFAULT_NAMESPACE, taskQueue };
  } catch (error) {
    problems.add(...loadProblem(error, env));
    return fallback;
  }
}

function checkVariables(env: Readonly<Record<string, string>>, problems: Problems): void {
  const tls = env['TEMPORAL_TLS'];
  if (tls !== undefined && !['true', 'false', '1', '0'].includes(tls)) {
    problems.add('TEMPORAL_TLS', 'must be true or false');
  }
  if (isSwitchedOn(env['TEMPORAL_TLS_DISABLE_HOST_VERIFICATION'])) {
    problems.add(
      'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION',
      'cannot be honoured; give the authority in TEMPORAL_TLS_SERVER_CA_CERT_PATH instead',
    );
  }
  for (const part of ['CLIENT_CERT', 'CLIENT_KEY', 'SERVER_CA_CERT']) {
    if (env[`${PREFIX}TLS_${part}_PATH`] !== undefined && env[`${PREFIX}TLS_${part}_DATA`] !== undefined) {
      problems.add(`${PREFIX}TLS_${part}_PATH`, `set either this or ${PREFIX}TLS_${part}_DATA, not both`);
    }
  }
  const given = (part: string) =>
    env[`${PREFIX}TLS_${part}_PATH`] !== undefined || env[`${PREFIX}TLS_${part}_DATA`] !== undefined;
  // A profile file may hold the other half; only without one is the pair known to be incomplete.
  if (env['TEMPORAL_CONFIG_FILE'] === undefined && given('CLIENT_CERT') !== given('CLIENT_KEY')) {
    const missing = given('CLIENT_CERT') ? 'CLIENT_KEY' : 'CLIENT_CERT';
    problems.add(`${PREFIX}TLS_${missing}_PATH`, 'is missing: mutual TLS needs certificate and key');
  }
  for (const variable of [...TLS_FILES, 'TEMPORAL_CONFIG_FILE']) {
    const file = env[variable];
    if (file !== undefined && !existsSync(file)) problems.add(variable, `the file ${file} does not exist`);
  }
}

function isSwitchedOn(value: string | undefined): boolean {
  return value === 'true' || value === '1';
}

function checkAddress(address: string, problems: Problems): void {
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  if (!ADDRESS.test(address) || port > 65535) {
    problems.add('TEMPORAL_ADDRESS', 'must be host:port, without a scheme, for example localhost:7233');
  }
}

/** A parser's message quotes the lines around the mistake, and those may hold the API key: only its first line is passed on. */
function loadProblem(error: unknown, env: Readonly<Record<string, string>>): [variable: string, problem: string] {
  const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'unknown error';
  if (env['TEMPORAL_PROFILE'] !== undefined && message.startsWith('Profile ')) {
    return ['TEMPORAL_PROFILE', `the profile ${env['TEMPORAL_PROFILE']} is not in Temporal's configuration file`];
  }
  return ['TEMPORAL_CONFIG_FILE', `Temporal's client configuration cannot be read: ${message}`];
}
