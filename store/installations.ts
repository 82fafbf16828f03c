import type { Database } from './database.js';
import { NotFoundError } from './errors.js';
import { Prisma } from './generated/client.js';
import { currentSetOf } from './process-rows.js';
import type { Processes, SealedCredential } from './types.js';

interface InstallationRow {
  app_id: string;
  account_id: string;
  state: 'pending' | 'active' | 'ended';
  api_root: string;
  token_url: string;
  credential: SealedCredential | null;
}

/** Questions about installations that come without an event. */
export function createInstallations(database: Database): Pick<Processes, 'readInstallation' | 'countActive'> {
  return {
    async readInstallation(installationId) {
      const [row] = await database.query<InstallationRow>(Prisma.sql`
        SELECT i.app_id, i.account_id, i.state, i.api_root, i.token_url, ${currentSetOf('i.id')} AS credential
        FROM installation i
        WHERE i.id = ${installationId}`);
      if (row === undefined) throw new NotFoundError('installation', installationId);
      return {
        tenant: { appId: row.app_id, accountId: row.account_id },
        state: row.state,
        apiRoot: row.api_root,
        tokenUrl: row.token_url,
        credential: row.credential,
      };
    },

    async countActive(tenant) {
      const [row] = await database.query<{ n: number }>(Prisma.sql`
        SELECT count(*)::int AS n FROM installation
        WHERE app_id = ${tenant.appId} AND state = 'active' AND account_id <> ${tenant.accountId}`);
      return row?.n ?? 0;
    },
  };
}
