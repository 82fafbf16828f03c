import { userInfo } from 'node:os';
import { Client, Connection } from '@temporalio/client';
import { ConfigurationError, loadOperatorConfig } from '../config/index.js';
import { type Command, readCommand } from './arguments.js';
import { OperatorError, UsageError } from './errors.js';
import { helpOf } from './help.js';
import { type Known, readKnown } from '../store/known-events.js';
import { listLost } from './lost.js';
import { createOperator, type Operator } from './operator.js';
import { temporalWords } from './temporal-words.js';

/** Longest wait for Temporal, and for a worker behind it. */
const LIMIT_MS = 15_000;
/** Longest reading of runs, tens of thousands of them. */
const READING_LIMITS = { callMs: LIMIT_MS, allMs: 30 * 60_000, sayEveryMs: 10_000 };

/** Where the words of a command go. */
export interface Output {
  out(text: string): void;
  err(text: string): void;
}

/**
 * Carries out one command line. Says what was done, or in one sentence why not.
 *
 * @returns the exit code: 0 done, 1 refused or not possible, 2 not understood
 */
export async function runCommandLine(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  output: Output,
): Promise<number> {
  try {
    const command = readCommand(words);
    output.out(
      command.name === 'help' ? helpOf(command.of) : (await carryOut(command, env, output)).map(printable).join('\n'),
    );
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      output.err(`${printable(error.message)} See --help.`);
      return 2;
    }
    if (error instanceof OperatorError) output.err(printable(error.message));
    else if (error instanceof ConfigurationError) output.err(error.message);
    else throw error;
    return 1;
  }
}

async function carryOut(
  command: Exclude<Command, { name: 'help' }>,
  env: Readonly<Record<string, string | undefined>>,
  output: Output,
): Promise<string[]> {
  const app = command.name === 'rotate' || command.name === 'lost' ? '' : command.app;
  const wanted = { apps: app === undefined, database: command.name === 'lost' };
  const { temporal, appIds, databaseUrl } = loadOperatorConfig(env, wanted);
  const appId = app ?? onlyApp(appIds);
  const by = command.name === 'decide' ? (command.by ?? thisUser()) : '';
  const connection = Connection.lazy({ ...temporal.connectionOptions, interceptors: [] });
  try {
    const client = new Client({ connection, namespace: temporal.namespace });
    if (command.name === 'lost') {
      const known = (asked: Parameters<typeof readKnown>[1]) => knownTo(databaseUrl, asked);
      const say = (progress: string) => output.err(progress);
      return await lostSince(command.since, {
        client,
        taskQueue: temporal.taskQueue,
        known,
        limits: READING_LIMITS,
        say,
      });
    }
    const operator = createOperator({ client, taskQueue: temporal.taskQueue, limitMs: LIMIT_MS });
    return [await ask(operator, command, appId, by)];
  } finally {
    await connection.close();
  }
}

/** @throws OperatorError when Temporal cannot be asked */
async function lostSince(since: Date, deps: Parameters<typeof listLost>[0]): Promise<string[]> {
  try {
    return await listLost(deps, since);
  } catch (error) {
    throw error instanceof OperatorError ? error : new OperatorError(temporalWords(error, `${LIMIT_MS / 1_000} s`));
  }
}

/** @throws OperatorError when the database cannot be asked */
async function knownTo(databaseUrl: string, asked: Parameters<typeof readKnown>[1]): Promise<Known> {
  try {
    return await readKnown(databaseUrl, asked);
  } catch (error) {
    const { code } = error as { code?: unknown };
    const why = typeof code === 'string' ? code : 'no answer';
    throw new OperatorError(`The database cannot be read (${why}): check DATABASE_URL.`);
  }
}

function ask(
  operator: Operator,
  command: Exclude<Command, { name: 'help' } | { name: 'lost' }>,
  appId: string,
  by: string,
): Promise<string> {
  switch (command.name) {
    case 'decide': {
      const { account, decision, reason, process } = command;
      const input = { decision, reason, by, ...(process === undefined ? {} : { processId: process }) };
      return operator.decide({ appId, accountId: account }, input);
    }
    case 'wake':
      return operator.wake({ appId, accountId: command.account });
    case 'rotate':
      return operator.rotate(command.installation);
  }
}

function onlyApp(appIds: readonly string[]): string {
  const [only, ...others] = appIds;
  if (only === undefined) throw new UsageError('Say which app with --app, or name the file with its id in APPS_FILE.');
  if (others.length > 0) throw new UsageError(`Say which app with --app: APPS_FILE names ${appIds.join(', ')}.`);
  return only;
}

function thisUser(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container, a user may have a number but no name.
    throw new UsageError('This user has no name: say who decides with --by.');
  }
}

/** Words that came from elsewhere may not steer the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}
