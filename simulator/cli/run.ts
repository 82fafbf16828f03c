import { NotRunning, Refused } from '../client/errors.js';
import { SnapshotProblem } from '../snapshot/problem.js';
import { CommandError, UsageError } from './errors.js';
import type { Command, Io } from './io.js';
import { COMMON } from './options.js';

/** The commands; each is loaded only when it is asked for, so that `serve` starts at once. */
const COMMANDS: Record<string, { what: string; load: () => Promise<Command> }> = {
  serve: {
    what: 'start a simulator (also what happens without a command)',
    load: async () => (await import('./serve.js')).serveCommand,
  },
  trigger: {
    what: 'let an event happen: install, update, uninstall, rotate, trials, logout, or one of any type',
    load: async () => (await import('./trigger.js')).triggerCommand,
  },
  clock: {
    what: 'read the clock, jump, freeze',
    load: async () => (await import('./clock.js')).clockCommand,
  },
  fault: {
    what: 'add, list and remove faults of routes and deliveries',
    load: async () => (await import('./fault.js')).faultCommand,
  },
  scenario: {
    what: 'load, list and remove scenario files',
    load: async () => (await import('./scenario.js')).scenarioCommand,
  },
  state: {
    what: 'installations, their state and the time left in their window',
    load: async () => (await import('./state.js')).stateCommand,
  },
  log: {
    what: 'deliveries and requests with what was verified or wrong',
    load: async () => (await import('./log.js')).logCommand,
  },
  verdicts: {
    what: 'how the partner backend conducted itself',
    load: async () => (await import('./verdicts.js')).verdictsCommand,
  },
  snapshot: {
    what: 'save the whole state to a file, and load it',
    load: async () => (await import('./snapshot.js')).snapshotCommand,
  },
  check: {
    what: 'put a partner backend through its paces and report',
    load: async () => (await import('./check.js')).checkCommand,
  },
};

/** What `--help` says without a command. */
const HELP = `Usage: npm run simulator -- COMMAND [options]

A stand-in Talkdesk for development and tests.

${Object.entries(COMMANDS)
  .map(([name, { what }]) => `  ${name.padEnd(10)} ${what}`)
  .join('\n')}

COMMAND --help says more, with examples. All but serve and check talk to a running simulator: --simulator URL, or SIMULATOR_URL.
Exit code 0: done; 1: refused, or it could not be done; 2: the command was not understood.`;

/**
 * Carries out one command line.
 * @param words without node and the script
 * @returns the exit code: 0 done (or, for serve, listening), 1 refused or not possible, 2 not understood
 */
export async function runCommandLine(words: readonly string[], io: Io): Promise<number> {
  const [first = 'serve', ...others] = words;
  if (first === '--help' || first === '-h') {
    io.out(HELP);
    return 0;
  }
  // Options without a command are those of serve.
  const [name, rest] = first.startsWith('-') ? ['serve', [...words]] : [first, others];
  try {
    const known = COMMANDS[name];
    if (Object.keys(COMMON).some((option) => first.split('=')[0] === `--${option}`))
      throw new UsageError(`Say the command before its options, such as: state ${first}.`);
    if (known === undefined) {
      throw new UsageError(`There is no command "${name}": there are ${Object.keys(COMMANDS).join(', ')}.`);
    }
    const command = await known.load();
    if (rest.includes('--help') || rest.includes('-h')) {
      io.out(command.help);
      return 0;
    }
    return await command.run(rest, io);
  } catch (error) {
    if (error instanceof UsageError) {
      io.err(`${error.message} See ${COMMANDS[name] === undefined ? '' : `${name} `}--help.`);
      return 2;
    }
    if (isSaid(error)) {
      io.err(error.message);
      return 1;
    }
    throw error;
  }
}

/** An error whose message is worded for the person at the command line. */
function isSaid(error: unknown): error is Error {
  return (
    error instanceof CommandError ||
    error instanceof Refused ||
    error instanceof NotRunning ||
    error instanceof SnapshotProblem
  );
}
