import { appendAudit, WAS_OUTRUN } from './audit.js';
import type { Database } from './database.js';
import { NotFoundError } from './errors.js';
import { Prisma } from './generated/client.js';
import { ofTenant } from './install-events.js';
import { currentSetOf, readTrial, TRIAL_COLUMNS, type TrialColumns } from './process-rows.js';
import { placeOf } from './sealing.js';
import { instant, storable } from './sql.js';
import type { EventContext, Processes, SealedCredential, Sealer } from './types.js';
import { WIPE_AFTER_EVENT, wipeEnded } from './wiping.js';

/** Types whose bodies hold no credentials and that have no process. */
const BARE_TYPES = Prisma.sql`('app.trial_started', 'app.trial_extended', 'app.trial_ended', 'user.logout')`;

interface EventContextRow extends TrialColumns {
  id: string;
  type: string;
  app_id: string;
  account_id: string;
  event_installation_id: string;
  created_at: Date;
  settled: boolean;
  body: string;
  installation_id: string | null;
  generation: number;
  state: 'pending' | 'active' | 'ended';
  newest_of_tenant: boolean;
  api_root: string;
  token_url: string;
  plan_type: string | null;
  credential: SealedCredential | null;
  product_account_id: string | null;
}

/** Events before they are taken, and those that never have a process. */
export function createEvents(deps: {
  database: Database;
  sealer: Sealer;
}): Pick<Processes, 'untaken' | 'quarantineTaken' | 'settleEvent' | 'readEvent'> {
  const { database, sealer } = deps;

  async function settleEvent(event: Parameters<Processes['settleEvent']>[0]): Promise<void> {
    const at = instant(event.at);
    const [row] = await database.query<{ app_id: string; account_id: string; outrun: boolean }>(Prisma.sql`
      WITH changed AS (
        UPDATE inbox_event e SET status = 'settled', outcome = ${event.outcome}, settled_at = ${at}
        WHERE e.id = ${event.eventId} AND e.status IN ('received', 'taken') AND NOT EXISTS (SELECT FROM process WHERE event_id = e.id)
        RETURNING NULL::text AS id, e.id AS event_id, e.app_id, e.account_id, e.installation_id, e.body_hash, e.received_at
      ), quarantined AS (
        INSERT INTO quarantine (id, event_id, reason, body, received_at)
        SELECT body_hash, event_id, ${storable(event.reason)}, NULL, received_at FROM changed
        WHERE ${event.outcome === 'quarantined'}::boolean
        ON CONFLICT (id) DO NOTHING
      ), ${WIPE_AFTER_EVENT}, ${appendAudit({
        action: 'settled',
        at: event.at,
        detail: Prisma.sql`jsonb_build_object('outcome', ${event.outcome}::text, 'reason', ${storable(event.reason)}::text)`,
      })}
      SELECT app_id, account_id, ${WAS_OUTRUN} AS outrun FROM changed`);
    if (row?.outrun === true) await wipeEnded(database, { appId: row.app_id, accountId: row.account_id });
  }

  return {
    async untaken(tenant) {
      const rows = await database.query<{
        id: string;
        type: string;
        created_at: Date;
        received_at: Date;
        body: string;
      }>(
        Prisma.sql`
        SELECT id, type, created_at, received_at, body FROM inbox_event
        WHERE ${ofTenant(tenant)} AND status = 'received' AND type <> 'user.logout'
        ORDER BY created_at, id`,
      );
      return rows.map((row) => ({
        eventId: row.id,
        type: row.type,
        createdAt: row.created_at,
        receivedAt: row.received_at,
        rawBody: sealer.open(row.body, placeOf('inbox_event', 'body', row.id)),
      }));
    },

    settleEvent,

    quarantineTaken: (event) => settleEvent({ ...event, outcome: 'quarantined' }),

    async readEvent(eventId) {
      const [row] = await database.query<EventContextRow>(Prisma.sql`
        SELECT e.id, e.type, e.app_id, e.account_id, e.installation_id AS event_installation_id, e.created_at, e.status = 'settled' AS settled,
          e.body, i.id AS installation_id, i.generation, i.state, i.api_root, i.token_url, i.plan_type, ${TRIAL_COLUMNS},
          NOT EXISTS (SELECT FROM installation o
            WHERE o.app_id = i.app_id AND o.account_id = i.account_id AND o.generation > i.generation) AS newest_of_tenant,
          ${currentSetOf('i.id')} AS credential, a.product_account_id
        FROM inbox_event e
        LEFT JOIN installation i ON i.id = e.installation_id AND i.app_id = e.app_id AND i.account_id = e.account_id
        LEFT JOIN product_account a ON a.app_id = e.app_id AND a.account_id = e.account_id AND a.status = 'active'
        WHERE e.id = ${eventId} AND e.type IN ${BARE_TYPES} AND e.account_id IS NOT NULL AND e.installation_id IS NOT NULL`);
      if (row === undefined) throw new NotFoundError('event', eventId);
      return readContext(row, sealer.open(row.body, placeOf('inbox_event', 'body', row.id)));
    },
  };
}

function readContext(row: EventContextRow, body: Buffer): EventContext {
  return {
    eventId: row.id,
    type: row.type,
    tenant: { appId: row.app_id, accountId: row.account_id },
    installationId: row.event_installation_id,
    createdAt: row.created_at,
    settled: row.settled,
    installation:
      row.installation_id === null
        ? null
        : {
            generation: row.generation,
            state: row.state,
            newestOfTenant: row.newest_of_tenant,
            apiRoot: row.api_root,
            tokenUrl: row.token_url,
            planType: row.plan_type,
            trial: readTrial(row),
            suspended: row.suspended,
            credential: row.credential,
          },
    productAccountId: row.product_account_id,
    body,
  };
}
