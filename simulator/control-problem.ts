import { z } from 'zod';

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
 * @throws ControlProblem 400 that names each wrong field and what it may be
 */
export function readInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input ?? {});
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => describeIssue(issue));
  const allowed = schema instanceof z.ZodObject ? ` Allowed fields: ${Object.keys(schema.shape).join(', ')}.` : '';
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

function describeIssue(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    return [
      `one of: ${issue.errors.map((option) => option.flatMap((inner) => describeIssue(inner)).join(', ')).join(' | ')}`,
    ];
  }
  const where = issue.path.length === 0 ? 'input' : issue.path.join('.');
  return [`${where}: ${issue.message}`];
}
