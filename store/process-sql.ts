import { Prisma } from './generated/client.js';

/** What `appendAudit` needs of a changed process `p`. */
export const CHANGED = Prisma.sql`p.id, p.event_id, p.app_id, p.account_id, p.installation_id`;

/** Locks the process and gives its newest version, also when another statement had to be waited for. */
export function lockProcess(processId: string): Prisma.Sql {
  return Prisma.sql`SELECT * FROM process WHERE id = ${processId} FOR UPDATE`;
}

/** Ends the claim on `p` if this attempt still holds it. */
export function releasedBy(attemptToken: string): Prisma.Sql {
  return Prisma.sql`claim_token = NULLIF(p.claim_token, ${attemptToken}),
    claim_expires_at = CASE WHEN p.claim_token = ${attemptToken} THEN NULL ELSE p.claim_expires_at END`;
}
