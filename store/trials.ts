import { appendAudit, WAS_OUTRUN } from './audit.js';
import type { Database } from './database.js';
import { NotFoundError } from './errors.js';
import { Prisma } from './generated/client.js';
import { instant, instantOrNull, storableOrNull } from './sql.js';
import type { Processes } from './types.js';
import { WIPE_AFTER_EVENT, wipeEnded } from './wiping.js';

/** Where an installation's trial is. */
export function createTrials(database: Database): Pick<Processes, 'recordTrial'> {
  return {
    async recordTrial({ eventId, trial, suspended, at }) {
      const state = trial?.state ?? null;
      const eventCreatedAt = instantOrNull(trial?.eventCreatedAt ?? null);
      const newer = Prisma.sql`COALESCE(i.trial_event_created_at <= ${eventCreatedAt}, ${trial !== null}::boolean)`;
      const put = (column: string, value: Prisma.Sql) =>
        Prisma.sql`${Prisma.raw(column)} = CASE WHEN ${newer} THEN ${value} ELSE i.${Prisma.raw(column)} END`;
      const [row] = await database.query<{ app_id: string; account_id: string; outrun: boolean }>(Prisma.sql`
        WITH changed AS (
          UPDATE inbox_event e SET status = 'settled', outcome = 'recorded', settled_at = ${instant(at)}
          WHERE e.id = ${eventId} AND e.status <> 'settled' AND NOT EXISTS (SELECT FROM process WHERE event_id = e.id)
          RETURNING NULL::text AS id, e.id AS event_id, e.app_id, e.account_id, e.installation_id, e.type
        ), held AS (
          UPDATE installation i
          SET ${put('trial_state', Prisma.sql`${state}::text`)}, ${put('trial_expires_at', instantOrNull(trial?.expiresAt ?? null))},
            ${put('trial_ended_reason', Prisma.sql`${storableOrNull(trial?.endedReason ?? null)}::text`)},
            ${put('trial_event_created_at', eventCreatedAt)}, suspended = ${suspended}, version = i.version + 1
          FROM changed c
          WHERE i.id = c.installation_id AND i.app_id = c.app_id AND i.account_id = c.account_id
        ), ${WIPE_AFTER_EVENT}, ${appendAudit({
          action: 'trial',
          at,
          detail: Prisma.sql`jsonb_build_object('type', changed.type, 'state', ${state}::text, 'suspended', ${suspended}::boolean)`,
        })}
        SELECT app_id, account_id, ${WAS_OUTRUN} AS outrun FROM changed`);
      if (row?.outrun === true) await wipeEnded(database, { appId: row.app_id, accountId: row.account_id });
      if (row !== undefined) return;
      const [event] = await database.query(Prisma.sql`SELECT id FROM inbox_event WHERE id = ${eventId}`);
      if (event === undefined) throw new NotFoundError('event', eventId);
    },
  };
}
