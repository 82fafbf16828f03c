import { Prisma } from './generated/client.js';

/** A time as a parameter: with its zone, so that no session setting can shift it. */
export function instant(time: Date): Prisma.Sql {
  return Prisma.sql`${time.toISOString()}::timestamptz`;
}

/** A time that may be absent, as a parameter. */
export function instantOrNull(time: Date | null): Prisma.Sql {
  return Prisma.sql`${time === null ? null : time.toISOString()}::timestamptz`;
}

/** A span as a parameter. */
export function span(durationMs: number): Prisma.Sql {
  return Prisma.sql`(${durationMs}::float8 * interval '1 millisecond')`;
}

/** JSON as a parameter; see `storable` for what the database's JSON cannot hold. */
export function json(value: unknown): Prisma.Sql {
  const text = JSON.stringify(value ?? null, (_key, inner: unknown) =>
    typeof inner === 'string' ? storable(inner) : inner,
  );
  return Prisma.sql`${text}::jsonb`;
}

/** Free text as the database can hold it: without NUL, and with unpaired surrogates replaced. */
export function storable(text: string): string {
  return Buffer.from(text.replaceAll('\0', ''), 'utf8').toString('utf8');
}

/** As `storable`, for text that may be absent. */
export function storableOrNull(text: string | null): string | null {
  return text === null ? null : storable(text);
}

/** Limit of a statement over an account's users: ten thousand are written in well under a second; a busy database is given some more. */
export const BULK_LIMIT_MS = 5_000;
