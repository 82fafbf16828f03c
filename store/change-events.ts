import { appendAudit } from './audit.js';
import { insertSet, orderOfSet } from './credentials.js';
import type { Database } from './database.js';
import { ForeignInstallationError, NotFoundError } from './errors.js';
import { Prisma } from './generated/client.js';
import { generationAmongNumbered } from './install-events.js';
import { placeOf } from './sealing.js';
import { instant, json, storableOrNull } from './sql.js';
import type { Processes, Sealer, TakeChange, TakeResult, Tenant } from './types.js';

/** What an event of a known installation becomes. */
export function createChangeEvents(deps: {
  database: Database;
  sealer: Sealer;
}): Pick<Processes, 'takeChange' | 'takeTrial'> {
  const { database, sealer } = deps;

  /** Why nothing was taken, or that it was taken before. */
  async function explain(event: { eventId: string; tenant: Tenant; installationId: string }): Promise<TakeResult> {
    const [row] = await database.query<{ status: string; known: boolean; ours: boolean }>(Prisma.sql`
      SELECT e.status, i.id IS NOT NULL AS known, COALESCE(i.app_id = ${event.tenant.appId} AND i.account_id = ${event.tenant.accountId}, false) AS ours
      FROM inbox_event e LEFT JOIN installation i ON i.id = ${event.installationId}
      WHERE e.id = ${event.eventId}`);
    if (row === undefined) throw new NotFoundError('event', event.eventId);
    if (row.status !== 'received') return 'taken';
    if (!row.known || row.ours) return 'waits';
    throw new ForeignInstallationError(event.installationId);
  }

  return {
    async takeChange(change) {
      const rows = await database.query(takeStatement(change, sealer));
      return rows.length > 0 ? 'taken' : await explain(change);
    },

    async takeTrial(event) {
      const rows = await database.query(Prisma.sql`
        WITH changed AS (
          UPDATE inbox_event e SET status = 'taken'
          FROM installation i
          WHERE e.id = ${event.eventId} AND e.status = 'received' AND ${isOurs(event)}
          RETURNING NULL::text AS id, e.id AS event_id, i.app_id, i.account_id, i.id AS installation_id
        ), ${appendAudit({ action: 'taken', at: event.takenAt, detail: Prisma.sql`jsonb_build_object('kind', 'trial'::text)` })}
        SELECT event_id FROM changed`);
      return rows.length > 0 ? 'taken' : await explain(event);
    },
  };
}

/**
 * One statement, empty unless the event is still untaken and its installation known. What an update says of name and version is kept with
 * its process and comes into force when its settings are read (`recordSync`), so that it can be taken back.
 */
function takeStatement(change: TakeChange, sealer: Sealer): Prisma.Sql {
  const { eventId, installationId, tenant, kind, credential } = change;
  const createdAt = instant(change.createdAt);
  const body = sealer.seal(Buffer.from(change.bodyWithoutSecrets, 'utf8'), placeOf('inbox_event', 'body', eventId));
  const details = {
    accountName: change.accountName,
    appVersionId: change.appVersionId,
    appVersionName: change.appVersionName,
  };
  const filed =
    credential === null
      ? Prisma.empty
      : Prisma.sql`, credentialed AS (
      ${insertSet(sealer, {
        eventId,
        installationId,
        deliveredBy: 'rotation',
        credential,
        createdAt: change.createdAt,
        takenAt: change.takenAt,
        state: Prisma.sql`CASE WHEN EXISTS (
          SELECT FROM credential c
          WHERE c.installation_id = ${installationId} AND c.state = 'current' AND ${orderOfSet('c')} > (${createdAt}, 'rotation', ${eventId}))
          THEN 'previous' ELSE 'pending' END`,
        before: Prisma.sql`true`,
      })}
    )`;

  return Prisma.sql`
    WITH taken AS (
      UPDATE inbox_event e SET status = 'taken', body = ${body}
      FROM installation i
      WHERE e.id = ${eventId} AND e.status = 'received' AND ${isOurs(change)}
      RETURNING e.id
    ), numbered AS (
      SELECT installation_id, event_created_at, generation FROM process WHERE installation_id = ${installationId} AND kind = 'install'
    ), changed AS (
      INSERT INTO process (id, kind, event_id, app_id, account_id, installation_id, generation, event_created_at, due_at, close_at, taken_at,
        event_details)
      SELECT ${change.processId}, ${kind}, ${eventId}, ${tenant.appId}, ${tenant.accountId}, ${installationId},
        ${generationAmongNumbered({ installationId: Prisma.sql`${installationId}`, createdAt })},
        ${createdAt}, ${instant(change.dueAt)}, ${instant(change.closeAt)}, ${instant(change.takenAt)},
        ${kind === 'update' ? json(details) : Prisma.sql`NULL::jsonb`}
      FROM taken
      RETURNING id, event_id, app_id, account_id, installation_id
    ), told AS (
      UPDATE installation i
      SET account_name = COALESCE(${storableOrNull(details.accountName)}::text, i.account_name),
        app_version_id = COALESCE(${storableOrNull(details.appVersionId)}::text, i.app_version_id),
        app_version_name = COALESCE(${storableOrNull(details.appVersionName)}::text, i.app_version_name), version = i.version + 1
      FROM changed c
      WHERE i.id = c.installation_id AND ${kind !== 'update'}::boolean AND NOT EXISTS (
        SELECT FROM process o
        WHERE o.installation_id = c.installation_id AND o.event_created_at > ${createdAt})
    ), ${appendAudit({ action: 'taken', at: change.takenAt, detail: Prisma.sql`jsonb_build_object('kind', ${kind}::text)` })}${filed}
    SELECT id FROM changed`;
}

/** The installation `i` is the event's, under the event's tenant. */
function isOurs(event: { installationId: string; tenant: Tenant }): Prisma.Sql {
  return Prisma.sql`i.id = ${event.installationId} AND i.app_id = ${event.tenant.appId} AND i.account_id = ${event.tenant.accountId}`;
}
