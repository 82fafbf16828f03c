import { z } from 'zod';
import { sentenceOf } from '../sentences.js';

/**
 * An object with these fields and no other; an unknown one is refused with the names of those that are allowed.
 * @param elsewhere what to say of fields that belong somewhere else
 */
export function strict<T extends z.core.$ZodShape>(shape: T, elsewhere: Readonly<Record<string, string>> = {}) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? unknownFields(issue.keys, Object.keys(shape), elsewhere) : undefined,
  });
}

function unknownFields(
  keys: readonly string[],
  allowed: readonly string[],
  elsewhere: Readonly<Record<string, string>> = {},
): string {
  const names = keys.map((key) => `"${key}"`).join(', ');
  const hints = keys.flatMap((key) => (Object.hasOwn(elsewhere, key) ? [`; ${elsewhere[key]}`] : []));
  return `unknown field${keys.length > 1 ? 's' : ''} ${names}; allowed: ${allowed.join(', ')}${hints.join('')}`;
}

/**
 * One of several objects that their `kind` tells apart; another one is refused with the names of those that are allowed, and with what
 * else is wrong with it in any case.
 */
export function byKind<T extends readonly [z.ZodObject, ...z.ZodObject[]], D extends string>(
  discriminator: D,
  options: T,
) {
  const names = options.flatMap((option) => [...(option._zod.propValues?.[discriminator] ?? [])]).map(String);
  const union = z.discriminatedUnion(discriminator, options, {
    error: (issue) => (issue.code === 'invalid_union' ? `must be one of ${names.join(', ')}` : undefined),
  });
  const others = new z.core.$ZodCheck({
    check: 'custom',
    when: ({ issues }) => issues.some((issue) => issue.code === 'invalid_union' && issue.path?.[0] === discriminator),
  });
  others._zod.check = ({ value, issues }) => {
    if (typeof value === 'object' && value !== null) issues.push(...wrongInEveryKind(value, discriminator, options));
  };
  return union.check(others);
}

/** Fields that no kind has, values that no kind with the field takes, and what is missing in every kind. */
function wrongInEveryKind(
  value: object,
  discriminator: string,
  options: readonly z.ZodObject[],
): z.core.$ZodRawIssue[] {
  const names = [...new Set(options.flatMap(({ shape }) => Object.keys(shape)))];
  const unknown = Object.keys(value).filter((key) => !names.includes(key));
  const issues: z.core.$ZodRawIssue[] = unknown.map((key) => ({
    code: 'unrecognized_keys' as const,
    keys: [key],
    input: value as Record<string, unknown>,
    path: [],
    message: unknownFields([key], names),
  }));
  for (const name of names) {
    const fields = options.flatMap(({ shape }) => (shape[name] === undefined ? [] : [shape[name]]));
    const isGiven = Object.hasOwn(value, name);
    // What only some kinds have is not missing as long as the kind is not known.
    if (name === discriminator || (!isGiven && fields.length < options.length)) continue;
    const given = (value as Record<string, unknown>)[name];
    const results = fields.map((field) => z.safeParse(field, given, { error: sentenceOf }));
    const [first] = results;
    if (first?.error === undefined || results.some(({ success }) => success)) continue;
    for (const issue of first.error.issues)
      issues.push({ ...issue, path: [name, ...issue.path] } as z.core.$ZodRawIssue);
  }
  return issues;
}
