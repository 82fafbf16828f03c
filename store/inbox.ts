import { createHash } from 'node:crypto';
import type { Database, StoreLog } from './database.js';
import { createHandover } from './handover.js';
import { StoreUnavailableError } from './errors.js';
import { Prisma } from './generated/client.js';
import { createRefusedDeliveries } from './refused-deliveries.js';
import { placeOf } from './sealing.js';
import { instant, storable } from './sql.js';
import type { AcceptResult, Delivery, EventStatus, Inbox, Sealer } from './types.js';

const STATUS_OF: Record<Delivery['disposition'], EventStatus> = {
  dispatch: 'received',
  record: 'settled',
};
const MAX_LOOKS = 3;

/** The ingress side of the store. */
export function createInbox(deps: { database: Database; sealer: Sealer; log: StoreLog }): Inbox {
  const { database, sealer } = deps;

  const inbox: Inbox = {
    ...createHandover(database),
    ...createRefusedDeliveries(deps),

    async accept(delivery) {
      const bodyHash = hashOf(delivery.rawBody);
      const statement = insertStatement(delivery, bodyHash, sealer);
      for (let look = 1; look <= MAX_LOOKS; look += 1) {
        const [row] = await database.query<AcceptRow>(statement);
        // Neither stored nor there: the same event was committed by another connection while this statement ran. Look again.
        if (row === undefined) continue;
        const result = readAcceptRow(row, bodyHash);
        if (result.kind === 'conflict') {
          const reason = `The event ${delivery.eventId} was delivered before with another body.`;
          await inbox.quarantine({
            eventId: delivery.eventId,
            reason,
            rawBody: delivery.rawBody,
            receivedAt: delivery.receivedAt,
          });
        }
        return result;
      }
      throw new StoreUnavailableError('The inbox could not tell whether the event is there.');
    },

    async quarantine(item) {
      const id = hashOf(item.rawBody);
      await database.query(Prisma.sql`
        INSERT INTO quarantine (id, event_id, reason, body, received_at)
        VALUES (${id}, ${item.eventId}, ${storable(item.reason)},
          ${sealer.seal(item.rawBody, placeOf('quarantine', 'body', id))}, ${instant(item.receivedAt)})
        ON CONFLICT (id) DO NOTHING`);
    },

    async tenantOfOpenProcess(processId) {
      const [row] = await database.query<{
        app_id: string;
        account_id: string;
        installation_id: string;
        event_id: string;
      }>(Prisma.sql`
        SELECT app_id, account_id, installation_id, event_id FROM process WHERE id = ${processId} AND outcome IS NULL`);
      if (row === undefined) return null;
      return {
        tenant: { appId: row.app_id, accountId: row.account_id },
        installationId: row.installation_id,
        eventId: row.event_id,
      };
    },

    async probe() {
      // The update finds nothing but fails where the inbox may not be written; the message makes the commit reach the disk.
      await database.query(Prisma.sql`
        WITH touched AS (UPDATE inbox_event SET status = status WHERE false RETURNING id)
        SELECT pg_logical_emit_message(true, 'appconnect-lifecycle', 'probe')::text AS written, (SELECT count(*)::int FROM touched) AS touched`);
    },
  };
  return inbox;
}

interface AcceptRow {
  stored: boolean;
  body_hash: string;
  dispatched: boolean;
}

function insertStatement(delivery: Delivery, bodyHash: string, sealer: Sealer): Prisma.Sql {
  const status = STATUS_OF[delivery.disposition];
  const settled = status === 'settled';
  return Prisma.sql`
    WITH stored AS (
      INSERT INTO inbox_event (id, type, app_id, account_id, installation_id, created_at, received_at, status, body, body_hash,
        outcome, settled_at)
      VALUES (${delivery.eventId}, ${storable(delivery.type)}, ${delivery.appId}, ${delivery.accountId}, ${delivery.installationId},
        ${instant(delivery.createdAt)}, ${instant(delivery.receivedAt)}, ${status},
        ${sealer.seal(delivery.rawBody, placeOf('inbox_event', 'body', delivery.eventId))}, ${bodyHash},
        ${settled ? 'recorded' : null}, ${settled ? delivery.receivedAt.toISOString() : null}::timestamptz)
      ON CONFLICT (id) DO NOTHING
      RETURNING body_hash
    )
    SELECT true AS stored, body_hash, false AS dispatched FROM stored
    UNION ALL
    SELECT false, body_hash, dispatched_at IS NOT NULL OR status NOT IN ('received', 'taken') FROM inbox_event WHERE id = ${delivery.eventId}`;
}

function readAcceptRow(row: AcceptRow, bodyHash: string): AcceptResult {
  if (row.stored) return { kind: 'stored' };
  return row.body_hash === bodyHash ? { kind: 'duplicate', dispatched: row.dispatched } : { kind: 'conflict' };
}

function hashOf(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}
