import { UsageError } from '../cli/errors.js';
import { FLAG, oneOf, parseWords, TEXT, wholeNumber } from '../cli/options.js';
import { scenarios } from './scenarios/index.js';
import type { CheckOptions } from './types.js';

export const formats = ['text', 'json', 'junit'] as const;

/** What the command line of `check` says. */
export interface CheckCommand {
  /** The app id is undefined when it was not given. */
  options: Omit<CheckOptions, 'appId'> & { appId: string | undefined };
  /** A running simulator; undefined: one of its own. */
  simulator: string | undefined;
  /** Puts faults, scenarios and switches of the running simulator to their defaults first. */
  reset: boolean;
  /** Lets an app that the running simulator does not know be registered. */
  register: boolean;
  host: string;
  port: number;
  only: string[];
  skip: string[];
  list: boolean;
  format: (typeof formats)[number];
  output: string | undefined;
}

const MANY = { type: 'string', multiple: true } as const;

/**
 * Reads the words after `check`.
 * @throws UsageError that says what is allowed
 */
export function readCheckCommand(words: string[]): CheckCommand {
  const { values } = parseWords(words, {
    webhook: TEXT,
    'app-id': TEXT,
    simulator: TEXT,
    reset: FLAG,
    register: FLAG,
    host: TEXT,
    port: TEXT,
    'told-time': TEXT,
    'short-window': TEXT,
    restart: TEXT,
    patience: TEXT,
    only: MANY,
    skip: MANY,
    list: FLAG,
    format: TEXT,
    output: TEXT,
  });
  const list = values.list === true;
  if (values.webhook === undefined && !list) {
    throw new UsageError('--webhook is missing: it is the URL at which the backend takes events.');
  }
  if (values.simulator !== undefined && (values.host !== undefined || values.port !== undefined)) {
    throw new UsageError('--host and --port are for a simulator of its own; leave them out with --simulator.');
  }
  const forRunning = (['reset', 'register'] as const).find((name) => values[name] === true);
  if (values.simulator === undefined && forRunning !== undefined) {
    throw new UsageError(`--${forRunning} is for a simulator that runs already; name it with --simulator.`);
  }
  const names = (option: 'only' | 'skip') => (values[option] ?? []).flatMap((text) => readNames(option, text));
  return {
    options: {
      webhook: values.webhook === undefined ? '' : httpUrl('webhook', values.webhook),
      appId: values['app-id'],
      patienceMs: (wholeNumber('patience', values.patience, 1, 600) ?? 30) * 1_000,
      restart: values.restart,
      toldTime: values['told-time'] === undefined ? undefined : httpUrl('told-time', values['told-time']),
      shortWindowSeconds: wholeNumber('short-window', values['short-window'], 5, 600),
    },
    simulator: values.simulator === undefined ? undefined : httpUrl('simulator', values.simulator).replace(/\/+$/, ''),
    reset: values.reset === true,
    register: values.register === true,
    host: values.host ?? '127.0.0.1',
    port: wholeNumber('port', values.port, 0, 65_530) ?? 3002,
    only: names('only'),
    skip: names('skip'),
    list,
    format: oneOf('--format', values.format, formats) ?? 'text',
    output: values.output,
  };
}

function readNames(option: string, text: string): string[] {
  const known = scenarios.map(({ name }) => name);
  const asked = text.split(',').map((name) => name.trim());
  const unknown = asked.find((name) => !known.includes(name));
  if (unknown === undefined) return asked;
  throw new UsageError(`--${option}: there is no scenario "${unknown}"; there are ${known.join(', ')}.`);
}

function httpUrl(option: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return text;
  throw new UsageError(
    `--${option} must be an http or https URL such as http://127.0.0.1:3000/webhooks, not "${text}".`,
  );
}
