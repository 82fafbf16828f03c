import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from './errors.js';

/** The options of a command as node:util describes them. */
export type Options = NonNullable<ParseArgsConfig['options']>;

export const TEXT = { type: 'string' } as const;
export const FLAG = { type: 'boolean' } as const;

/** Options of every command that talks to a running simulator. */
export const COMMON = { simulator: TEXT, json: FLAG } as const;

/** What the common options mean, for the help. */
export const COMMON_HELP = `  --simulator URL  the running simulator; default: SIMULATOR_URL, else http://127.0.0.1:3002
  --json           the simulator's own answer as JSON
  --help           this text`;

/** Words that are no option, and the values of the options. */
export type Parsed<T extends Options> = ReturnType<typeof parseArgs<{ options: T; allowPositionals: true }>>;

/**
 * Reads options and positional words.
 * @param places what the positional words stand for, in order; a name in brackets may be left out
 * @throws UsageError that names the wrong word and what is allowed
 */
export function parseWords<const T extends Options>(words: string[], options: T, places: string[] = []): Parsed<T> {
  const parsed = parse(words, options);
  const [missing] = places.slice(parsed.positionals.length).filter((place) => !place.startsWith('['));
  if (missing !== undefined) throw new UsageError(`${missing} is missing: the words are ${places.join(' ')}.`);
  const extra = parsed.positionals[places.length];
  if (extra !== undefined) {
    const allowed = places.length === 0 ? 'no word that is not an option' : `only ${places.join(' ')}`;
    throw new UsageError(`"${extra}" is one word too many: this command takes ${allowed}.`);
  }
  for (const [name, value] of Object.entries(parsed.values)) {
    if (typeof value === 'string' && value.trim() === '') throw new UsageError(`--${name} is empty: give it a value.`);
  }
  return parsed;
}

function parse<const T extends Options>(words: string[], options: T): Parsed<T> {
  try {
    return parseArgs({ args: withNegatives(words, options), options, allowPositionals: true });
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
      const unknown = /'(-[^']*)'/.exec(message)?.[1] ?? 'such an option';
      const allowed = Object.keys(options).map((name) => `--${name}`);
      throw new UsageError(`There is no option ${unknown} here; allowed are ${allowed.join(', ')}.`);
    }
    // Node adds advice after the first sentence that is about its own parser.
    const [sentence] = message.split(/\. |\n/);
    throw new UsageError(`${sentence?.replace(/\.$/, '')}.`);
  }
}

/** Node would take a negative number after an option for another option; it is that one's value, and told what is allowed. */
function withNegatives(words: string[], options: Options): string[] {
  const joined: string[] = [];
  for (const word of words) {
    const before = joined.at(-1);
    const takesText = before?.startsWith('--') === true && options[before.slice(2)]?.type === 'string';
    if (takesText && /^-\d/.test(word)) joined[joined.length - 1] = `${before}=${word}`;
    else joined.push(word);
  }
  return joined;
}

/**
 * A whole number.
 * @throws UsageError when it is none from `min` to `max`
 */
export function wholeNumber(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, not "${text}".`);
}

/**
 * One of several words.
 * @throws UsageError that lists them
 */
export function oneOf<const T extends string>(
  name: string,
  text: string | undefined,
  allowed: readonly T[],
): T | undefined {
  if (text === undefined) return undefined;
  const found = allowed.find((word) => word === text);
  if (found === undefined) throw new UsageError(`${name} must be one of ${allowed.join(', ')}, not "${text}".`);
  return found;
}

/**
 * JSON that is an object.
 * @throws UsageError when it is not
 */
export function jsonObject(name: string, text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new UsageError(`--${name} must be a JSON object such as '{"data":{"note":"hello"}}'.`);
}

/** The options that were given a value, so that what is left out stays left out. */
export function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
