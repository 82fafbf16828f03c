import { z } from 'zod';
import { mistakesIn, sentenceOf } from '../sentences.js';

/** A control request that cannot be carried out; its message is the sentence that says what is allowed. */
export class ControlProblem extends Error {
  override readonly name = 'ControlProblem';

  constructor(
    readonly status: 400 | 404 | 409,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Reads control input.
 * @param what the name of the whole, for what is wrong with no field of it
 * @throws ControlProblem 400 that names each wrong field and what it may be
 */
export function readInput<T>(schema: z.ZodType<T>, input: unknown, what = 'input'): T {
  const parsed = schema.safeParse(input ?? {}, { error: sentenceOf });
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.flatMap((issue) => mistakesIn(issue));
  const problems = mistakes.map(({ path, message }) => `${path.length === 0 ? what : path.join('.')}: ${message}`);
  const fields = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  // Of very many fields the list helps only whoever named one that is not among them.
  const isListed = fields.length <= 20 || parsed.error.issues.some(({ code }) => code === 'unrecognized_keys');
  const allowed = fields.length > 0 && isListed ? ` Allowed fields: ${fields.join(', ')}.` : '';
  throw new ControlProblem(400, `${problems.join('; ')}.${allowed}`);
}

/**
 * The thing that a path names.
 * @throws ControlProblem 404 when there is none
 */
export function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new ControlProblem(404, `There is no ${what} of this id.`);
  return value;
}
