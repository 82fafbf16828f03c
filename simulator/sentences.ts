import type { z } from 'zod';

type Raw = z.core.$ZodRawIssue;

/**
 * What is wrong with a value, in words that say what is allowed; for `safeParse(value, { error: sentenceOf })`. Messages that a schema
 * has itself go before.
 */
export function sentenceOf(issue: Raw): string | undefined {
  const wanted = wantedBy(issue);
  if (wanted === undefined) return undefined;
  return issue.input === undefined && issue.code !== 'unrecognized_keys' ? `is missing; it ${wanted}` : wanted;
}

/** One thing that is wrong with an input. */
export interface Mistake {
  readonly path: readonly PropertyKey[];
  /** The field of the object at `path` that should not be there. */
  readonly key?: string;
  readonly message: string;
}

/** The mistakes in an issue; of what may have several forms, those of the form that comes nearest to what was given. */
export function mistakesIn(issue: z.core.$ZodIssue, above: readonly PropertyKey[] = []): Mistake[] {
  const path = [...above, ...issue.path];
  const { message } = issue;
  if (issue.code === 'unrecognized_keys') {
    const [key] = issue.keys;
    return [{ path, message, ...(key === undefined ? {} : { key }) }];
  }
  if (issue.code === 'invalid_key') return [{ path, message: issue.issues[0]?.message ?? message }];
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // What was meant is the form with a mistake deepest inside, or else all of them are told.
    const forms = issue.errors.map((form) => form.flatMap((inner) => mistakesIn(inner, path)));
    const depths = forms.map((form) => Math.max(...form.map((inner) => inner.path.length)));
    const nearest = forms.filter((_, index) => depths[index] === Math.max(...depths));
    const [only] = nearest;
    if (nearest.length === 1 && only !== undefined) return only;
    const words = [...new Set(nearest.map((form) => form.map((inner) => inner.message).join(', ')))];
    return [{ path: nearest[0]?.[0]?.path ?? path, message: words.map(withoutRepeat).join(', or ') }];
  }
  return [{ path, message }];
}

/** Of `must be a list, or must be text` the second `must be`. */
function withoutRepeat(words: string, place: number): string {
  return place === 0 ? words : words.replace(/^(is missing; it )?must be /, '');
}

function wantedBy(issue: Raw): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${kindOf(issue)}`;
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      if (issue.origin === 'string') return issue.minimum === 1 ? 'must not be empty' : undefined;
      if (issue.origin === 'array') return `must have at least ${issue.minimum} of its kind`;
      return issue.inclusive === false ? `must be more than ${issue.minimum}` : `must be ${issue.minimum} or more`;
    case 'too_big':
      if (issue.origin === 'string') return `must have at most ${issue.maximum} characters`;
      if (issue.origin === 'array') return `must have at most ${issue.maximum} of its kind`;
      return `must be at most ${issue.maximum}`;
    case 'unrecognized_keys':
      return `unknown field${issue.keys.length > 1 ? 's' : ''} ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
    default:
      return undefined;
  }
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'a JSON object',
  record: 'a JSON object',
};

function kindOf({ expected, inst }: Extract<Raw, { code: 'invalid_type' }>): string {
  if (expected !== 'number' && expected !== 'int') return kinds[expected] ?? `of the kind ${expected}`;
  const { minValue, maxValue, format } = (inst ?? {}) as { minValue?: number; maxValue?: number; format?: string };
  const number = expected === 'int' || format === 'safeint' ? 'a whole number' : 'a number';
  const from = isBound(minValue) ? ` from ${minValue}` : '';
  return `${number}${from}${isBound(maxValue) ? `${from === '' ? ' of at most' : ' to'} ${maxValue}` : ''}`;
}

/** What zod itself holds a whole number to is no limit worth a word. */
function isBound(value: number | null | undefined): value is number {
  return Number.isFinite(value) && Math.abs(value ?? 0) < Number.MAX_SAFE_INTEGER;
}
