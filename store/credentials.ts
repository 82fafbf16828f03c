import type { Database } from './database.js';
import { appendAudit } from './audit.js';
import { NotFoundError } from './errors.js';
import { Prisma } from './generated/client.js';
import { CHANGED, lockProcess } from './process-sql.js';
import { placeOf } from './sealing.js';
import { instant, json } from './sql.js';
import type { Processes, Sealer, StoredCredential } from './types.js';

/**
 * Place of a set among those of its installation: by time, and where one second holds an install and a rotation, the install first
 * (docs/lifecycle.md).
 */
export function orderOfSet(alias: string): Prisma.Sql {
  const c = Prisma.raw(alias);
  return Prisma.sql`(${c}.event_created_at, ${c}.delivered_by, ${c}.id)`;
}

/** The sets of credentials that Talkdesk delivered. */
export function createCredentials(deps: {
  database: Database;
  sealer: Sealer;
}): Pick<Processes, 'open' | 'promoteCredential'> {
  const { database, sealer } = deps;

  return {
    open({ credentialId, sealedClientSecret, sealedPrivateKey, ...open }) {
      const unseal = (column: string, sealed: string) =>
        sealer.open(sealed, placeOf('credential', column, credentialId)).toString('utf8');
      return {
        ...open,
        clientSecret: sealedClientSecret === null ? null : unseal('client_secret', sealedClientSecret),
        privateKey: unseal('private_key', sealedPrivateKey),
      };
    },

    async promoteCredential({ processId, stepResult, at }) {
      const [row] = await database.query<{ current: boolean }>(Prisma.sql`
        WITH before AS MATERIALIZED (${lockProcess(processId)}),
        changed AS (
          UPDATE process p SET step_results = p.step_results || jsonb_build_object('prove', ${json(stepResult)})
          FROM before b WHERE p.id = b.id AND b.kind = 'rotation' AND b.outcome IS NULL AND NOT b.step_results ? 'prove'
          RETURNING ${CHANGED}
        ), rotating AS (
          SELECT event_id FROM changed
        ), ${promoteOwnSet()}, passed_over AS (
          UPDATE credential c SET state = 'previous' FROM rotating r
          WHERE c.id = r.event_id AND c.state = 'pending' AND NOT EXISTS (SELECT FROM promotable)
        ), ${appendAudit({
          action: 'promoted',
          at,
          detail: Prisma.sql`jsonb_build_object('current', EXISTS (SELECT FROM promotable))`,
        })}
        SELECT CASE WHEN EXISTS (SELECT FROM changed) THEN EXISTS (SELECT FROM promoted)
          ELSE EXISTS (SELECT FROM credential c WHERE c.id = b.event_id AND c.state = 'current') END AS current
        FROM before b`);
      if (row === undefined) throw new NotFoundError('process', processId);
      return row.current;
    },
  };
}

/**
 * Common table expressions that make the set of the event in `rotating` the current one, and the current one previous, unless a newer one
 * is current or it is gone. `rotating` must give event_id.
 */
export function promoteOwnSet(): Prisma.Sql {
  return Prisma.sql`
    promotable AS MATERIALIZED (
      SELECT own.id, own.installation_id FROM rotating r JOIN credential own ON own.id = r.event_id AND own.state <> 'gone'
      WHERE NOT EXISTS (
        SELECT FROM credential n
        WHERE n.installation_id = own.installation_id AND n.state = 'current' AND ${orderOfSet('n')} >= ${orderOfSet('own')})
    ), demoted AS (
      UPDATE credential c SET state = 'previous' FROM promotable
      WHERE c.installation_id = promotable.installation_id AND c.state = 'current'
      RETURNING c.id
    ), promoted AS (
      UPDATE credential c SET state = 'current' FROM promotable
      -- Counting first makes the old set give way before the new one is current: there may be one at a time.
      WHERE c.id = promotable.id AND (SELECT count(*) FROM demoted) >= 0
      RETURNING c.id
    )`;
}

/**
 * Statement text that files the set an event delivered, sealed, once for the row of `taken`. `state` is an expression; `before`, one that
 * must be true, for what has to be done first.
 */
export function insertSet(
  sealer: Sealer,
  set: {
    eventId: string;
    installationId: string;
    deliveredBy: 'install' | 'rotation';
    credential: StoredCredential;
    createdAt: Date;
    takenAt: Date;
    state: Prisma.Sql;
    before: Prisma.Sql;
  },
): Prisma.Sql {
  const { eventId, installationId, credential } = set;
  const sealed = (column: string, text: string) =>
    sealer.seal(Buffer.from(text, 'utf8'), placeOf('credential', column, eventId));
  return Prisma.sql`
    INSERT INTO credential (id, installation_id, delivered_by, version, state, client_id, client_secret, private_key, public_key, key_id,
      key_algorithm, event_created_at, taken_at)
    SELECT ${eventId}, ${installationId}, ${set.deliveredBy},
      1 + (SELECT count(*)::int FROM credential WHERE installation_id = ${installationId}), ${set.state}, ${credential.clientId},
      ${credential.clientSecret === null ? null : sealed('client_secret', credential.clientSecret)},
      ${sealed('private_key', credential.privateKey)}, ${credential.publicKey}, ${credential.keyId}, ${credential.keyAlgorithm},
      ${instant(set.createdAt)}, ${instant(set.takenAt)}
    FROM taken
    WHERE ${set.before}`;
}
