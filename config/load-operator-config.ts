import path from 'node:path';
import { readAppIds } from './apps.js';
import type { TemporalConfig } from './config.js';
import { ConfigurationError } from './errors.js';
import { deepFreeze } from './freeze.js';
import { givenIn } from './given.js';
import { createProblems } from './problems.js';
import { readTaskQueue, readTemporal } from './temporal.js';

/** What a command for operators needs: it talks to Temporal, and has no business with what the service seals. */
export interface OperatorConfig {
  readonly temporal: TemporalConfig;
  /** Ids of the apps in APPS_FILE; empty where they were not asked for, or it is not set. */
  readonly appIds: readonly string[];
  /** PostgreSQL of the service; empty where it was not asked for. */
  readonly databaseUrl: string;
}

/**
 * Reads the settings of an operator's command: those of Temporal, the ids of the apps where `apps` says so, and the database where
 * `database` does.
 *
 * @param env such as `process.env`
 * @throws ConfigurationError with every problem at once
 */
export function loadOperatorConfig(
  env: Readonly<Record<string, string | undefined>>,
  { apps, database = false, cwd = process.cwd() }: { apps: boolean; database?: boolean; cwd?: string },
): OperatorConfig {
  const given = givenIn(env);
  const problems = createProblems();
  const databaseUrl = database ? (given['DATABASE_URL'] ?? '') : '';
  if (database && databaseUrl === '') problems.add('DATABASE_URL', 'is missing');
  const appsFile = given['APPS_FILE'];
  const config: OperatorConfig = {
    temporal: readTemporal(given, readTaskQueue(given, problems), problems),
    appIds: apps && appsFile !== undefined ? readAppIds(path.resolve(cwd, appsFile), problems) : [],
    databaseUrl,
  };
  const found = problems.list();
  if (found.length > 0) throw new ConfigurationError(found);
  return deepFreeze(config);
}
