import { z } from 'zod';

/** Longest id, in characters, that is taken from Talkdesk. */
const MAX_ID_LENGTH = 128;

/** Longest display text that is taken from Talkdesk. */
const MAX_TEXT_LENGTH = 1_000;
/** The two documented forms take 29 characters at most. */
const MAX_TIMESTAMP_LENGTH = 64;

/** NUL cannot be stored as text; lone surrogates cannot be encoded at all. */
const UNUSABLE_CHARACTERS = /[\0\p{Cs}]/gu;

/** Text that must be there, of at most `maxLength` characters, as it is: without NUL or lone surrogates. */
export function storableText(maxLength: number) {
  return z
    .string()
    .min(1)
    .max(maxLength)
    .refine((text) => text.search(UNUSABLE_CHARACTERS) === -1);
}

/** Text of any length, cut to `maxLength` characters; what cannot be stored is dropped. */
export function cutText(maxLength: number) {
  return z.string().transform((text) => text.slice(0, maxLength).replaceAll(UNUSABLE_CHARACTERS, ''));
}

/** An opaque id (talkdesk-api.md 1.2): any non-empty text of at most 128 characters without NUL. Numbers are none: they lose digits. */
export const idSchema = storableText(MAX_ID_LENGTH);

/** Display text that may be missing, endless or of another type: then null. What cannot be stored is dropped from it. */
export const looseText = z
  .string()
  .max(MAX_TEXT_LENGTH)
  .transform((text) => text.replaceAll(UNUSABLE_CHARACTERS, ''))
  .nullable()
  .catch(null);

/** An id that may be missing or unusable: then null. */
export const looseId = idSchema.nullable().catch(null);

/** A count that may be a number or a numeric string (talkdesk-api.md 1.4, `licenses`), below a billion; null for anything else. */
export const looseCount = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d{1,9}$/)
      .transform(Number),
  ])
  .pipe(z.number().int().min(0).max(999_999_999))
  .nullable()
  .catch(null);

/** A list of which only the usable items are taken; empty when it is no list. */
export function looseList<S extends z.ZodType>(item: S) {
  return z
    .array(z.unknown())
    .catch([])
    .transform((items): z.output<S>[] =>
      items.flatMap((candidate) => {
        const parsed = item.safeParse(candidate);
        return parsed.success ? [parsed.data] : [];
      }),
    );
}

const isoTimestamp = z.iso.datetime({ offset: true });

/** Reads both timestamp forms that occur (talkdesk-api.md 1.2); null for anything else, dates that do not exist included. */
export function parseTimestamp(value: unknown): Date | null {
  if (typeof value !== 'string' || value.length > MAX_TIMESTAMP_LENGTH) return null;
  const parsed = isoTimestamp.safeParse(value);
  if (!parsed.success) return null;
  const date = new Date(parsed.data);
  return Number.isNaN(date.getTime()) ? null : date;
}
