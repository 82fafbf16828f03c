import type { Database } from './database.js';
import { Prisma } from './generated/client.js';
import type { Tenant } from './types.js';

/**
 * Which installations of `leaving` nothing needs credentials for any more: ended, no process of theirs open, no event of theirs unsettled
 * (logouts need none), and no uninstall still to come: one ended, or the newest install left nothing at Talkdesk that could be
 * uninstalled. An install that was approved or superseded did: its uninstall may be the event that overtakes it, or be delayed.
 * `leaving` must give installation_id, app_id, account_id, state as it is after this statement, and process_id, event_id and outcome of
 * what the statement itself ends (null for none).
 */
export const DOOMED = Prisma.sql`
  SELECT l.installation_id FROM leaving l
  WHERE l.state = 'ended'
    AND NOT EXISTS (
      SELECT FROM process o
      WHERE o.installation_id = l.installation_id AND o.outcome IS NULL AND o.id IS DISTINCT FROM l.process_id)
    AND NOT EXISTS (
      SELECT FROM inbox_event e
      WHERE e.app_id = l.app_id AND e.account_id = l.account_id AND e.status <> 'settled' AND e.type <> 'user.logout'
        AND e.installation_id = l.installation_id AND e.id IS DISTINCT FROM l.event_id)
    AND NOT EXISTS (
      SELECT FROM installation i JOIN process p ON p.event_id = i.event_id
      WHERE i.id = l.installation_id AND COALESCE(p.outcome, CASE WHEN p.id = l.process_id THEN l.outcome END) IN ('approved', 'superseded')
        AND NOT EXISTS (
          SELECT FROM inbox_event u
          WHERE u.app_id = l.app_id AND u.account_id = l.account_id AND u.installation_id = l.installation_id
            AND u.type = 'app.uninstalled' AND u.created_at >= i.event_created_at AND u.outcome IS DISTINCT FROM 'quarantined'))`;

/** What wiping sets. */
export const WIPED = Prisma.sql`state = 'gone', client_secret = NULL, private_key = NULL`;

/** Common table expressions that wipe the credentials of the installation of the event in `changed` when that was its last. */
export const WIPE_AFTER_EVENT = Prisma.sql`
  leaving AS (
    SELECT i.id AS installation_id, i.app_id, i.account_id, i.state, NULL::text AS process_id, c.event_id, NULL::text AS outcome
    FROM changed c JOIN installation i ON i.id = c.installation_id AND i.app_id = c.app_id AND i.account_id = c.account_id
  ), wiped AS (
    UPDATE credential c SET ${WIPED} FROM (${DOOMED}) doomed WHERE c.installation_id = doomed.installation_id AND c.state <> 'gone'
  )`;

/**
 * Wipes what is due in a tenant. For after a statement that was outrun by another one: each may have taken what the other ended for still
 * open. The one that is committed last comes here.
 */
export async function wipeEnded(database: Database, tenant: Tenant): Promise<void> {
  await database.query(Prisma.sql`
    WITH leaving AS (
      SELECT id AS installation_id, app_id, account_id, state, NULL::text AS process_id, NULL::text AS event_id, NULL::text AS outcome
      FROM installation
      WHERE app_id = ${tenant.appId} AND account_id = ${tenant.accountId}
    )
    UPDATE credential c SET ${WIPED} FROM (${DOOMED}) doomed WHERE c.installation_id = doomed.installation_id AND c.state <> 'gone'`);
}
