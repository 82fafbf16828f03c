import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { DecisionVerb } from '../contracts/outcomes.js';
import { UsageError } from './errors.js';

export const COMMANDS = ['decide', 'wake', 'rotate', 'lost'] as const;
export type CommandName = (typeof COMMANDS)[number];

/** What a person asked for. `app` and `by` are left out where the surroundings say them. */
export type Command =
  | { name: 'help'; of: CommandName | null }
  | {
      name: 'decide';
      app: string | undefined;
      account: string;
      decision: DecisionVerb;
      reason: string;
      process: string | undefined;
      by: string | undefined;
    }
  | { name: 'wake'; app: string | undefined; account: string }
  | { name: 'rotate'; installation: string }
  | { name: 'lost'; since: Date };

/** What Talkdesk, and perhaps the customer, reads when no reason is given. */
const DEFAULT_REASONS: Record<DecisionVerb, string> = {
  approve: 'Approved by the partner.',
  reject: 'Rejected by the partner.',
};

const TEXT = { type: 'string' } as const;
const SWITCH = { type: 'boolean' } as const;
const HELP = { help: { ...SWITCH, short: 'h' } } as const;
const OPTIONS = {
  decide: { ...HELP, app: TEXT, account: TEXT, approve: SWITCH, reject: SWITCH, reason: TEXT, process: TEXT, by: TEXT },
  wake: { ...HELP, app: TEXT, account: TEXT },
  rotate: { ...HELP, installation: TEXT },
  lost: { ...HELP, since: TEXT },
} as const;

/**
 * Reads a command line, without node and the script.
 *
 * @throws UsageError when it is not understood
 */
export function readCommand(words: readonly string[]): Command {
  const [name, ...rest] = words;
  if (name === '--help' || name === '-h') return { name: 'help', of: null };
  switch (name) {
    case undefined:
      throw new UsageError(`Name a command: ${COMMANDS.join(', ')}. --help says what they do.`);
    case 'decide': {
      const values = parse(rest, OPTIONS.decide);
      if (values.help === true) return { name: 'help', of: name };
      if ((values.approve === true) === (values.reject === true)) {
        throw new UsageError('Say either --approve or --reject.');
      }
      const decision = values.approve === true ? 'approve' : 'reject';
      return {
        name,
        app: optional('app', values.app),
        account: required('account', values.account),
        decision,
        reason: optional('reason', values.reason) ?? DEFAULT_REASONS[decision],
        process: optional('process', values.process),
        by: optional('by', values.by),
      };
    }
    case 'wake': {
      const values = parse(rest, OPTIONS.wake);
      if (values.help === true) return { name: 'help', of: name };
      return { name, app: optional('app', values.app), account: required('account', values.account) };
    }
    case 'rotate': {
      const values = parse(rest, OPTIONS.rotate);
      if (values.help === true) return { name: 'help', of: name };
      return { name, installation: required('installation', values.installation) };
    }
    case 'lost': {
      const values = parse(rest, OPTIONS.lost);
      if (values.help === true) return { name: 'help', of: name };
      return { name, since: time('since', required('since', values.since)) };
    }
    default:
      throw new UsageError(`There is no command ${name}: there are ${COMMANDS.join(', ')}.`);
  }
}

function parse<const T extends NonNullable<ParseArgsConfig['options']>>(words: string[], options: T) {
  try {
    return parseArgs({ args: words, options }).values;
  } catch (error) {
    // Node adds advice after the first sentence that is about its own parser.
    const [sentence] = (error instanceof Error ? error.message : 'The arguments cannot be read').split(/\. |\n/);
    throw new UsageError(`${sentence?.replace(/\.$/, '')}.`);
  }
}

function required(name: string, value: string | undefined): string {
  if (value === undefined || value.trim() === '') throw new UsageError(`--${name} is missing.`);
  return value;
}

/** With its zone: the one of the person and the one of the backup may differ. */
function time(name: string, text: string): Date {
  const at = new Date(text);
  if (Number.isNaN(at.getTime()) || !/(?:Z|[+-]\d{2}:?\d{2})$/.test(text)) {
    throw new UsageError(`--${name} is no time with a zone, such as 2031-05-06T07:08:09Z.`);
  }
  return at;
}

function optional(name: string, value: string | undefined): string | undefined {
  return value === undefined ? undefined : required(name, value);
}
