import { Prisma } from './generated/client.js';

/** What an audit entry can be about. */
type AuditAction =
  | 'taken'
  | 'provisioned'
  | 'decision'
  | 'decided'
  | 'access-ended'
  | 'promoted'
  | 'undone'
  | 'restored'
  | 'outcome'
  | 'parked'
  | 'resumed'
  | 'warned'
  | 'trial'
  | 'settled';

/**
 * The text of an audit entry, as SQL. Built by the database, because only the statement that makes the change knows all of it;
 * `jsonb` orders the keys, so the same entry is the same text.
 */
export function auditText(entry: {
  action: AuditAction;
  at: Date;
  processId: Prisma.Sql;
  eventId: Prisma.Sql;
  installationId: Prisma.Sql;
  detail: Prisma.Sql;
}): Prisma.Sql {
  return Prisma.sql`jsonb_build_object('action', ${entry.action}::text, 'at', ${entry.at.toISOString()}::text,
    'process', ${entry.processId}, 'event', ${entry.eventId}, 'installation', ${entry.installationId}, 'detail', ${entry.detail})::text`;
}

/** SHA-256, hex, of: hash before, line feed, number, line feed, entry. The hash before the first entry is the empty text. */
export function auditHash(hashBefore: Prisma.Sql, seq: Prisma.Sql, entry: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`encode(sha256(convert_to(${hashBefore} || chr(10) || (${seq})::text || chr(10) || ${entry}, 'UTF8')), 'hex')`;
}

/**
 * Common table expressions that add one audit entry for the process in `changed`, or none when `changed` is empty or its tenant was
 * never taken. `changed` must give id (null for an event without a process), event_id, app_id, account_id and installation_id;
 * `detail` may name its columns. The tenant's row is the head of its chain: locking it puts entries of concurrent statements one
 * after another.
 */
export function appendAudit(entry: { action: AuditAction; at: Date; detail: Prisma.Sql }): Prisma.Sql {
  const text = auditText({
    ...entry,
    processId: Prisma.sql`changed.id`,
    eventId: Prisma.sql`changed.event_id`,
    installationId: Prisma.sql`changed.installation_id`,
  });
  return Prisma.sql`
    entry AS (
      SELECT changed.*, ${entry.action}::text AS action, ${text} AS text FROM changed
    ), chained AS (
      UPDATE tenant t
      SET audit_seq = t.audit_seq + 1, audit_hash = ${auditHash(Prisma.sql`t.audit_hash`, Prisma.sql`t.audit_seq + 1`, Prisma.sql`entry.text`)}
      FROM entry WHERE t.app_id = entry.app_id AND t.account_id = entry.account_id
      RETURNING t.app_id, t.account_id, t.audit_seq, t.audit_hash, entry.id, entry.action, entry.text
    ), audited AS (
      INSERT INTO audit_entry (app_id, account_id, seq, at, action, process_id, entry, hash)
      SELECT app_id, account_id, audit_seq, ${entry.at.toISOString()}::timestamptz, action, id, text, audit_hash FROM chained
    )`;
}

/**
 * Whether another change of the tenant was committed between the beginning of this statement and its own audit entry, so that what it
 * read of other rows may be old: the head of the chain then is not the one it saw. For a statement with `appendAudit`.
 */
export const WAS_OUTRUN = Prisma.sql`EXISTS (
  SELECT FROM chained JOIN tenant t ON t.app_id = chained.app_id AND t.account_id = chained.account_id
  WHERE chained.audit_seq <> t.audit_seq + 1)`;
