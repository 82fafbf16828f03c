import { auditHash, auditText } from './audit.js';
import type { Database } from './database.js';
import { ForeignInstallationError, NotFoundError } from './errors.js';
import { Prisma } from './generated/client.js';
import { placeOf } from './sealing.js';
import { instant, storable, storableOrNull } from './sql.js';
import type { Processes, Sealer, TakeInstall, Tenant } from './types.js';

/** What happens to an event between its acknowledgement and its process. */
export function createInstallEvents(deps: {
  database: Database;
  sealer: Sealer;
}): Pick<Processes, 'untaken' | 'takeInstall' | 'quarantineTaken'> {
  const { database, sealer } = deps;

  return {
    async untaken(tenant) {
      const rows = await database.query<{ id: string; type: string; created_at: Date; body: string }>(Prisma.sql`
        SELECT id, type, created_at, body FROM inbox_event
        WHERE app_id = ${tenant.appId} AND account_id = ${tenant.accountId} AND status = 'received'
        ORDER BY created_at, id`);
      return rows.map((row) => ({
        eventId: row.id,
        type: row.type,
        createdAt: row.created_at,
        rawBody: sealer.open(row.body, placeOf('inbox_event', 'body', row.id)),
      }));
    },

    async takeInstall(install) {
      const [row] = await database.query<{ taken: boolean }>(takeStatement(install, sealer));
      if (row?.taken === true) return;
      const [event] = await database.query<{ status: string }>(Prisma.sql`
        SELECT status FROM inbox_event WHERE id = ${install.eventId}`);
      if (event === undefined) throw new NotFoundError('event', install.eventId);
      if (event.status === 'received') throw new ForeignInstallationError(install.installationId);
    },

    async quarantineTaken(event) {
      await database.query(Prisma.sql`
        WITH settled AS (
          UPDATE inbox_event SET status = 'settled', outcome = 'quarantined', settled_at = ${instant(event.at)}
          WHERE id = ${event.eventId} AND status IN ('received', 'taken')
            AND NOT EXISTS (SELECT FROM process WHERE event_id = ${event.eventId})
          RETURNING id, body_hash, received_at
        )
        INSERT INTO quarantine (id, event_id, reason, body, received_at)
        SELECT body_hash, id, ${storable(event.reason)}, NULL, received_at FROM settled
        ON CONFLICT (id) DO NOTHING`);
    },
  };
}

/**
 * One statement, empty unless the event is still untaken. Generations follow the order of events: an install that arrives late is
 * put in its place, and those after it move up. A second install event of a known installation brings newer credentials and
 * links; one that is older than what is there leaves both as they are and files its credentials as previous.
 */
function takeStatement(install: TakeInstall, sealer: Sealer): Prisma.Sql {
  const { eventId, installationId, tenant, credential } = install;
  const order = Prisma.sql`(${instant(install.createdAt)}, ${eventId})`;
  const takenAt = instant(install.takenAt);
  const sealed = (column: string, text: string) =>
    sealer.seal(Buffer.from(text, 'utf8'), placeOf('credential', column, eventId));
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
    ), known AS (
      SELECT id FROM installation WHERE id = ${installationId}
    ), moved AS (
      UPDATE installation SET generation = generation + 1, version = version + 1
      WHERE ${ofTenant(tenant)} AND (event_created_at, event_id) > ${order}
        AND EXISTS (SELECT FROM taken) AND NOT EXISTS (SELECT FROM known)
    ), newer AS (
      SELECT id FROM credential
      WHERE installation_id = ${installationId} AND state IN ('current', 'previous') AND (event_created_at, id) > ${order}
      LIMIT 1
    ), installed AS (
      INSERT INTO installation AS i (id, app_id, account_id, generation, event_id, event_created_at, account_name, app_version_id,
        app_version_name, api_root, token_url, authorization_url, userinfo_url, state)
      SELECT ${installationId}, ${tenant.appId}, ${tenant.accountId}, 1 + (
          SELECT count(*)::int FROM installation WHERE ${ofTenant(tenant)} AND (event_created_at, event_id) < ${order}),
        ${eventId}, ${instant(install.createdAt)}, ${storable(install.accountName)}, ${storableOrNull(install.appVersionId)},
        ${storableOrNull(install.appVersionName)}, ${install.apiRoot}, ${install.tokenUrl}, ${install.authorizationUrl},
        ${install.userinfoUrl}, 'pending'
      FROM taken
      ON CONFLICT (id) DO UPDATE
      SET account_name = EXCLUDED.account_name, app_version_id = EXCLUDED.app_version_id, app_version_name = EXCLUDED.app_version_name,
        api_root = EXCLUDED.api_root, token_url = EXCLUDED.token_url, authorization_url = EXCLUDED.authorization_url,
        userinfo_url = EXCLUDED.userinfo_url, state = 'pending', version = i.version + 1
      WHERE NOT EXISTS (SELECT FROM newer)
    ), demoted AS (
      UPDATE credential SET state = 'previous'
      WHERE installation_id = ${installationId} AND state = 'current' AND EXISTS (SELECT FROM taken) AND NOT EXISTS (SELECT FROM newer)
      RETURNING id
    ), credentialed AS (
      INSERT INTO credential (id, installation_id, version, state, client_id, client_secret, private_key, public_key, key_id,
        key_algorithm, event_created_at, taken_at)
      SELECT ${eventId}, ${installationId}, 1 + (SELECT count(*)::int FROM credential WHERE installation_id = ${installationId}),
        CASE WHEN EXISTS (SELECT FROM newer) THEN 'previous' ELSE 'current' END,
        ${credential.clientId}, ${credential.clientSecret === null ? null : sealed('client_secret', credential.clientSecret)},
        ${sealed('private_key', credential.privateKey)}, ${credential.publicKey}, ${credential.keyId}, ${credential.keyAlgorithm},
        ${instant(install.createdAt)}, ${takenAt}
      FROM taken
      -- Counting first makes the old set give way before the new one is current: there may be one at a time.
      WHERE (SELECT count(*) FROM demoted) >= 0
    ), processed AS (
      INSERT INTO process (id, kind, event_id, app_id, account_id, installation_id, event_created_at, due_at, close_at, taken_at)
      SELECT ${install.processId}, 'install', ${eventId}, ${tenant.appId}, ${tenant.accountId}, ${installationId},
        ${instant(install.createdAt)}, ${instant(install.dueAt)}, ${instant(install.closeAt)}, ${takenAt}
      FROM taken
    )
    SELECT EXISTS (SELECT FROM taken) AS taken`;
}

function ofTenant(tenant: Tenant): Prisma.Sql {
  return Prisma.sql`app_id = ${tenant.appId} AND account_id = ${tenant.accountId}`;
}
