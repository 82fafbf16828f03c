import { z } from 'zod';

/** Longest id, in characters, that is taken from Talkdesk. */
const MAX_ID_LENGTH = 128;

/** NUL cannot be stored as text; lone surrogates cannot be encoded at all. */
const UNUSABLE_CHARACTERS = /[\0\p{Cs}]/u;

/** An opaque id (talkdesk-api.md 1.2): any non-empty text of at most 128 characters without NUL. */
export const idSchema = z
  .string()
  .min(1)
  .max(MAX_ID_LENGTH)
  .refine((text) => !UNUSABLE_CHARACTERS.test(text));

/** Display text that may be missing or of another type: then null. NUL is dropped, because it cannot be stored. */
export const looseText = z
  .string()
  .transform((text) => text.replaceAll('\0', ''))
  .nullable()
  .catch(null);

/** An id that may be missing or unusable: then null. */
export const looseId = idSchema.nullable().catch(null);

/** A count that may be a number or a numeric string (talkdesk-api.md 1.4, `licenses`); null when it is neither. */
export const looseCount = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d{1,9}$/)
      .transform(Number),
  ])
  .pipe(z.number().int().nonnegative())
  .nullable()
  .catch(null);

const isoTimestamp = z.iso.datetime({ offset: true });

/** Reads both timestamp forms that occur (talkdesk-api.md 1.2); null for anything else, dates that do not exist included. */
export function parseTimestamp(value: unknown): Date | null {
  const parsed = isoTimestamp.safeParse(value);
  if (!parsed.success) return null;
  const date = new Date(parsed.data);
  return Number.isNaN(date.getTime()) ? null : date;
}
