import type { Database } from './database.js';
import { Prisma } from './generated/client.js';
import { instantOrNull } from './sql.js';
import type { SignatureKeys } from './types.js';

interface SignatureKeyRow {
  gateway: string;
  key_id: string;
  public_key: string;
  created_at: Date | null;
  expires_at: Date | null;
}

/** Talkdesk's public signature keys, kept so that a known key needs no key endpoint (talkdesk-api.md 2.3). */
export function createSignatureKeys(database: Database): SignatureKeys {
  return {
    async find(keyId) {
      const rows = await database.query<SignatureKeyRow>(Prisma.sql`
        SELECT gateway, key_id, public_key, created_at, expires_at FROM signature_key WHERE key_id = ${keyId} ORDER BY gateway`);
      return rows.map((row) => ({
        gateway: row.gateway,
        keyId: row.key_id,
        publicKey: row.public_key,
        createdAt: row.created_at,
        expiresAt: row.expires_at,
      }));
    },

    async save(key) {
      await database.query(Prisma.sql`
        INSERT INTO signature_key (gateway, key_id, public_key, created_at, expires_at)
        VALUES (${key.gateway}, ${key.keyId}, ${key.publicKey}, ${instantOrNull(key.createdAt)}, ${instantOrNull(key.expiresAt)})
        ON CONFLICT (key_id, gateway) DO UPDATE
        SET public_key = EXCLUDED.public_key, created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at,
          stored_at = clock_timestamp()`);
    },
  };
}
