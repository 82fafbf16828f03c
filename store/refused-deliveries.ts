import { createHash, randomUUID } from 'node:crypto';
import type { Database, StoreLog } from './database.js';
import { Prisma } from './generated/client.js';
import { placeOf } from './sealing.js';
import { instant, storable } from './sql.js';
import type { Inbox, Sealer } from './types.js';

const MAX_ROWS = 500;
const MAX_BYTES = 32 * 1024 * 1024;
/** More at once would let forged deliveries take the connections that real ones need. */
const MAX_IN_FLIGHT = 2;
/** More a second would let a flood push out within moments what was kept before it. */
const BURST = 100;
const PER_SECOND = 10;

/**
 * Keeps deliveries whose signature did not hold, so that they can be verified again if the scheme turns out to be read wrongly
 * (talkdesk-api.md 2): the first `app.installed` holds the only copy of a key. A repeat of a kept body is not kept twice, and
 * of a flood only a few a second are kept, so that it costs little and the rows reach back some time.
 */
export function createRefusedDeliveries(deps: {
  database: Database;
  sealer: Sealer;
  log: StoreLog;
}): Pick<Inbox, 'keepRefused'> {
  const { database, sealer, log } = deps;
  let inFlight = 0;
  let allowance = BURST;
  let refilledAtMs = performance.now();

  function admit(): boolean {
    const nowMs = performance.now();
    allowance = Math.min(BURST, allowance + ((nowMs - refilledAtMs) / 1_000) * PER_SECOND);
    refilledAtMs = nowMs;
    if (inFlight >= MAX_IN_FLIGHT || allowance < 1) return false;
    allowance -= 1;
    return true;
  }

  return {
    async keepRefused(item) {
      if (!admit()) return;
      inFlight += 1;
      try {
        const id = randomUUID();
        const headers = sealer.seal(
          Buffer.from(JSON.stringify(item.headers), 'utf8'),
          placeOf('refused_delivery', 'headers', id),
        );
        const body = sealer.seal(item.rawBody, placeOf('refused_delivery', 'body', id));
        const bodyHash = createHash('sha256').update(item.rawBody).digest('hex');
        const sizeBytes = headers.length + body.length;
        if (sizeBytes > MAX_BYTES) return;
        // The newest rows that fit beside the new one stay.
        await database.query(Prisma.sql`
          WITH kept AS (
            INSERT INTO refused_delivery (id, reason, headers, body, body_hash, size_bytes, received_at)
            VALUES (${id}, ${storable(item.reason)}, ${headers}, ${body}, ${bodyHash}, ${sizeBytes}::int, ${instant(item.receivedAt)})
            ON CONFLICT (body_hash) DO NOTHING
            RETURNING id
          ), ranked AS (
            SELECT id, row_number() OVER newest AS place, sum(size_bytes) OVER newest AS bytes
            FROM refused_delivery
            WINDOW newest AS (ORDER BY stored_at DESC, id DESC ROWS UNBOUNDED PRECEDING)
          )
          DELETE FROM refused_delivery r USING ranked
          WHERE r.id = ranked.id AND EXISTS (SELECT FROM kept)
            AND (ranked.place >= ${MAX_ROWS}::int OR ranked.bytes + ${sizeBytes}::int > ${MAX_BYTES}::int)`);
      } catch (error) {
        log.warn(
          { reason: error instanceof Error ? error.message : 'unknown error' },
          'a refused delivery could not be kept',
        );
      } finally {
        inFlight -= 1;
      }
    },
  };
}
