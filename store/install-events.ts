import { auditHash, auditText } from './audit.js';
import { insertSet, orderOfSet } from './credentials.js';
import type { Database } from './database.js';
import { ForeignInstallationError, NotFoundError } from './errors.js';
import { Prisma } from './generated/client.js';
import { placeOf } from './sealing.js';
import { instant, storable, storableOrNull } from './sql.js';
import type { Processes, Sealer, TakeInstall, Tenant } from './types.js';

/** What an install event becomes. */
export function createInstallEvents(deps: { database: Database; sealer: Sealer }): Pick<Processes, 'takeInstall'> {
  const { database, sealer } = deps;

  return {
    async takeInstall(install) {
      const [row] = await database.query<{ taken: boolean }>(takeStatement(install, sealer));
      if (row?.taken === true) return;
      const [event] = await database.query<{ status: string }>(Prisma.sql`
        SELECT status FROM inbox_event WHERE id = ${install.eventId}`);
      if (event === undefined) throw new NotFoundError('event', install.eventId);
      if (event.status === 'received') throw new ForeignInstallationError(install.installationId);
    },
  };
}

/**
 * One statement, empty unless the event is still untaken. Generations follow the order of events: an install that arrives late is
 * put in its place, and what belongs to those after it moves up. A second install event of a known installation brings newer
 * credentials; one that is older than what is there files its credentials as previous, and leaves alone what a newer event said.
 */
function takeStatement(install: TakeInstall, sealer: Sealer): Prisma.Sql {
  const { eventId, installationId, tenant } = install;
  const createdAt = instant(install.createdAt);
  const takenAt = instant(install.takenAt);
  const body = sealer.seal(Buffer.from(install.bodyWithoutSecrets, 'utf8'), placeOf('inbox_event', 'body', eventId));
  const entry = auditText({
    action: 'taken',
    at: install.takenAt,
    processId: Prisma.sql`${install.processId}::text`,
    eventId: Prisma.sql`${eventId}::text`,
    installationId: Prisma.sql`${installationId}::text`,
    detail: Prisma.sql`jsonb_build_object('kind', 'install'::text)`,
  });
  const text = Prisma.sql`(SELECT text FROM entry)`;
  const newest = Prisma.sql`(EXCLUDED.event_created_at, EXCLUDED.event_id) > (i.event_created_at, i.event_id)`;
  const latest = (column: string) =>
    Prisma.sql`${Prisma.raw(column)} = CASE WHEN ${newest} THEN EXCLUDED.${Prisma.raw(column)} ELSE i.${Prisma.raw(column)} END`;
  const lastSaid = (column: string) =>
    Prisma.sql`${Prisma.raw(column)} = CASE WHEN EXISTS (SELECT FROM said_since) THEN i.${Prisma.raw(column)} ELSE EXCLUDED.${Prisma.raw(column)} END`;
  // The trial of an installation that ended is not the new one's, unless its event is newer.
  const afresh = Prisma.sql`i.state = 'ended' AND ${newest} AND COALESCE(i.trial_event_created_at < EXCLUDED.event_created_at, true)`;

  return Prisma.sql`
    WITH taken AS (
      UPDATE inbox_event SET status = 'taken', body = ${body}
      WHERE id = ${eventId} AND status = 'received' AND NOT EXISTS (
        SELECT FROM installation WHERE id = ${installationId} AND NOT (${ofTenant(tenant)}))
      RETURNING id
    ), entry AS MATERIALIZED (
      SELECT ${entry} AS text
    ), chained AS (
      INSERT INTO tenant AS t (app_id, account_id, account_name, first_taken_at, audit_seq, audit_hash)
      SELECT ${tenant.appId}, ${tenant.accountId}, ${storable(install.accountName)}, ${takenAt}, 1,
        ${auditHash(Prisma.sql`''`, Prisma.sql`1`, text)}
      FROM taken
      ON CONFLICT (app_id, account_id) DO UPDATE
      SET account_name = EXCLUDED.account_name, audit_seq = t.audit_seq + 1,
        audit_hash = ${auditHash(Prisma.sql`t.audit_hash`, Prisma.sql`t.audit_seq + 1`, text)}
      RETURNING app_id, account_id, audit_seq, audit_hash
    ), audited AS (
      INSERT INTO audit_entry (app_id, account_id, seq, at, action, process_id, entry, hash)
      SELECT app_id, account_id, audit_seq, ${takenAt}, 'taken', ${install.processId}, ${text}, audit_hash FROM chained
    ), numbered AS MATERIALIZED (
      SELECT x.*, row_number() OVER (ORDER BY x.event_created_at, x.event_id)::int AS generation
      FROM (
        SELECT installation_id, event_id, event_created_at FROM process WHERE ${ofTenant(tenant)} AND kind = 'install'
        UNION ALL
        SELECT ${installationId}, ${eventId}, ${createdAt} FROM taken
      ) x
    ), moved AS (
      UPDATE process p SET generation = m.generation
      FROM (
        SELECT o.id, CASE WHEN o.kind = 'install'
          THEN (SELECT n.generation FROM numbered n WHERE n.event_id = o.event_id)
          ELSE ${generationAmongNumbered({ installationId: Prisma.sql`o.installation_id`, createdAt: Prisma.sql`o.event_created_at` })}
        END AS generation
        FROM process o WHERE ${ofTenant(tenant)} AND EXISTS (SELECT FROM taken)
      ) m
      WHERE p.id = m.id AND p.generation <> m.generation
    ), moved_installations AS (
      UPDATE installation i SET generation = m.generation, version = i.version + 1
      FROM (SELECT installation_id, max(generation) AS generation FROM numbered GROUP BY installation_id) m
      WHERE i.id = m.installation_id AND i.id <> ${installationId} AND i.generation <> m.generation AND EXISTS (SELECT FROM taken)
    ), newer AS (
      SELECT c.id FROM credential c
      WHERE c.installation_id = ${installationId} AND c.state IN ('current', 'previous')
        AND ${orderOfSet('c')} > (${createdAt}, 'install', ${eventId})
      LIMIT 1
    ), said_since AS (
      SELECT FROM process
      WHERE installation_id = ${installationId} AND event_created_at >= ${createdAt}
        AND (kind <> 'install' OR (event_created_at, event_id) > (${createdAt}, ${eventId}))
      LIMIT 1
    ), installed AS (
      INSERT INTO installation AS i (id, app_id, account_id, generation, event_id, event_created_at, account_name, app_version_id,
        app_version_name, api_root, token_url, authorization_url, userinfo_url, state)
      SELECT ${installationId}, ${tenant.appId}, ${tenant.accountId},
        (SELECT max(generation) FROM numbered WHERE installation_id = ${installationId}),
        ${eventId}, ${createdAt}, ${storable(install.accountName)}, ${storableOrNull(install.appVersionId)},
        ${storableOrNull(install.appVersionName)}, ${install.apiRoot}, ${install.tokenUrl}, ${install.authorizationUrl},
        ${install.userinfoUrl}, 'pending'
      FROM taken
      ON CONFLICT (id) DO UPDATE
      SET generation = EXCLUDED.generation, ${lastSaid('account_name')}, ${lastSaid('app_version_id')}, ${lastSaid('app_version_name')},
        ${latest('event_id')}, ${latest('event_created_at')}, ${latest('api_root')}, ${latest('token_url')},
        ${latest('authorization_url')}, ${latest('userinfo_url')}, ${latest('state')},
        trial_state = CASE WHEN ${afresh} THEN NULL ELSE i.trial_state END,
        trial_expires_at = CASE WHEN ${afresh} THEN NULL ELSE i.trial_expires_at END,
        trial_ended_reason = CASE WHEN ${afresh} THEN NULL ELSE i.trial_ended_reason END,
        trial_event_created_at = CASE WHEN ${afresh} THEN NULL ELSE i.trial_event_created_at END,
        suspended = i.suspended AND NOT (${afresh}), version = i.version + 1
    ), demoted AS (
      UPDATE credential SET state = 'previous'
      WHERE installation_id = ${installationId} AND state = 'current' AND EXISTS (SELECT FROM taken) AND NOT EXISTS (SELECT FROM newer)
      RETURNING id
    ), credentialed AS (
      ${insertSet(sealer, {
        eventId,
        installationId,
        deliveredBy: 'install',
        credential: install.credential,
        createdAt: install.createdAt,
        takenAt: install.takenAt,
        state: Prisma.sql`CASE WHEN EXISTS (SELECT FROM newer) THEN 'previous' ELSE 'current' END`,
        // Counting first makes the old set give way before the new one is current: there may be one at a time.
        before: Prisma.sql`(SELECT count(*) FROM demoted) >= 0`,
      })}
    ), processed AS (
      INSERT INTO process (id, kind, event_id, app_id, account_id, installation_id, generation, event_created_at, due_at, close_at, taken_at)
      SELECT ${install.processId}, 'install', ${eventId}, ${tenant.appId}, ${tenant.accountId}, ${installationId},
        (SELECT generation FROM numbered WHERE event_id = ${eventId}), ${createdAt}, ${instant(install.dueAt)},
        ${instant(install.closeAt)}, ${takenAt}
      FROM taken
    )
    SELECT EXISTS (SELECT FROM taken) AS taken`;
}

/**
 * The generation that a process of an update, uninstall or rotation belongs to, from `numbered` (installation_id, event_created_at,
 * generation): that of the newest install event of its installation not after it. In one second the install comes first
 * (docs/lifecycle.md). Where only later ones are known, its own has not arrived yet: a place before theirs, so that it cannot act in their
 * name.
 */
export function generationAmongNumbered(process: { installationId: Prisma.Sql; createdAt: Prisma.Sql }): Prisma.Sql {
  return Prisma.sql`COALESCE(
    (SELECT max(n.generation) FROM numbered n
      WHERE n.installation_id = ${process.installationId} AND n.event_created_at <= ${process.createdAt}),
    (SELECT min(n.generation) - 1 FROM numbered n WHERE n.installation_id = ${process.installationId}))`;
}

/** Condition on app_id and account_id. */
export function ofTenant(tenant: Tenant): Prisma.Sql {
  return Prisma.sql`app_id = ${tenant.appId} AND account_id = ${tenant.accountId}`;
}
