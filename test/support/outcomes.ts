import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { eventually } from './eventually.js';
import type { Surroundings } from './stack.js';

/** Outcomes by event id, as our tables have them; null: none yet. */
export async function outcomesOf(
  surroundings: Surroundings,
  eventIds: readonly string[],
): Promise<Record<string, string | null>> {
  const rows = await surroundings.database.query<{ id: string; outcome: string | null }>(
    'SELECT id, outcome FROM inbox_event WHERE id = ANY($1)',
    [eventIds],
  );
  return Object.fromEntries(rows.map((row) => [row.id, row.outcome]));
}

/** Waits until every one of the events has an outcome, and gives them in the order asked for. */
export async function awaitOutcomes(
  surroundings: Surroundings,
  eventIds: readonly string[],
  limitMs = 60_000,
): Promise<string[]> {
  let seen: Record<string, string | null> = {};
  return await eventually(
    `the events have their outcomes: ${eventIds.join(', ')}`,
    async () => {
      seen = await outcomesOf(surroundings, eventIds);
      const found = eventIds.map((id) => seen[id] ?? null);
      return found.every((outcome) => outcome !== null) ? (found as string[]) : null;
    },
    limitMs,
  );
}

/** What holds for a tenant when everything is quiet, read from the tables and ledgers and not from the service's word. */
export interface TenantAtRest {
  installations: { id: string; generation: number; state: string }[];
  /** State of each set of credentials, and whether any secret of it is still stored. */
  credentials: { id: string; installation_id: string; state: string; sealed: boolean }[];
  /** Talkdesk user ids of the open mapping. */
  mapped: string[];
}

/** Reads a tenant's rows. */
export async function tenantAtRest(surroundings: Surroundings, accountId: string): Promise<TenantAtRest> {
  const { database, appId } = surroundings;
  const installations = await database.query<TenantAtRest['installations'][number]>(
    'SELECT id, generation, state FROM installation WHERE app_id = $1 AND account_id = $2 ORDER BY generation',
    [appId, accountId],
  );
  const credentials = await database.query<TenantAtRest['credentials'][number]>(
    `SELECT c.id, c.installation_id, c.state, (c.private_key IS NOT NULL OR c.client_secret IS NOT NULL) AS sealed
       FROM credential c JOIN installation i ON i.id = c.installation_id
      WHERE i.app_id = $1 AND i.account_id = $2 ORDER BY c.event_created_at, c.id`,
    [appId, accountId],
  );
  const mapped = await mappingAtRest(surroundings, accountId);
  return { installations, credentials, mapped: mapped.map(({ id }) => id) };
}

/** A user of the open mapping, by Talkdesk's id. */
export interface MappedUser {
  id: string;
  /** The product's user, who is `active` there or `suspended`, as it answered last. */
  product: string | null;
  seat: string | null;
}

/** Reads the open mapping of a tenant, in the order of Talkdesk's ids. */
export async function mappingAtRest({ database, appId }: Surroundings, accountId: string): Promise<MappedUser[]> {
  return await database.query<MappedUser & Record<string, unknown>>(
    `SELECT talkdesk_user_id AS id, product_user_id AS product, seat FROM user_mapping
      WHERE app_id = $1 AND account_id = $2 AND ended_at IS NULL ORDER BY talkdesk_user_id`,
    [appId, accountId],
  );
}

/** Whether the tenant's audit chain is whole: every hash covers the one before, and the tenant's row holds the last. Gives its length. */
export async function assertAuditChain({ database, appId }: Surroundings, accountId: string): Promise<number> {
  const entries = await database.query<{ seq: number; entry: string; hash: string }>(
    'SELECT seq::int, entry, hash FROM audit_entry WHERE app_id = $1 AND account_id = $2 ORDER BY seq',
    [appId, accountId],
  );
  let hash = '';
  for (const [index, entry] of entries.entries()) {
    assert.equal(entry.seq, index + 1, `audit entry ${index + 1} of account ${accountId}`);
    hash = createHash('sha256').update(`${hash}\n${entry.seq}\n${entry.entry}`).digest('hex');
    assert.equal(entry.hash, hash, `audit entry ${entry.seq} of account ${accountId}`);
  }
  const [head] = await database.query(
    'SELECT audit_seq::int AS seq, audit_hash AS hash FROM tenant WHERE app_id = $1 AND account_id = $2',
    [appId, accountId],
  );
  assert.deepEqual(head, { seq: entries.length, hash }, `head of the audit chain of account ${accountId}`);
  return entries.length;
}

/** A tenant's account as the product itself has it. */
export interface AccountAtRest {
  id: string;
  status: string;
  generation: number;
  plan: string | null;
  licenses: number | null;
  /** The product's user id by Talkdesk user id, of the active ones. */
  users: Record<string, string>;
}

/** Reads the account of a tenant in the sample product; null when it never had one. */
export async function accountAtRest({ product }: Surroundings, accountId: string): Promise<AccountAtRest | null> {
  const [account] = await product.query<Omit<AccountAtRest, 'users'>>(
    `SELECT account_id AS id, status, generation, plan_name AS plan, licenses FROM account WHERE talkdesk_account_id = $1`,
    [accountId],
  );
  if (account === undefined) return null;
  const users = await product.query<{ talkdesk_user_id: string; user_id: string }>(
    'SELECT talkdesk_user_id, user_id FROM account_user WHERE account_id = $1 AND active ORDER BY talkdesk_user_id',
    [account.id],
  );
  return { ...account, users: Object.fromEntries(users.map((user) => [user.talkdesk_user_id, user.user_id])) };
}

/** What took effect at Talkdesk for an installation. */
export interface Effects {
  /** Decisions, oldest first, as the kind of their process and the verb. */
  decided: string[];
  /** Event ids of the processes that were decided more than once. */
  decidedAgain: string[];
  /** Routes of the requests that changed something after the uninstall was approved. */
  late: string[];
}

const CHANGING: readonly string[] = ['state', 'credentials-state', 'credentials-rotate'];

/** Reads the simulator's ledgers of decisions and requests. */
export async function effectsOf({ simulator }: Surroundings, installationId: string): Promise<Effects> {
  const { decisions } = await simulator.control.installation(installationId);
  const effective = decisions.filter((decision) => decision.effective);
  const events = effective.map(({ process }) => String(process?.event_id));
  const requests = await simulator.control.requests({ installation_id: installationId });
  const late = requests.filter(
    ({ after_uninstall: isLate, route, status, verdict }) =>
      isLate && CHANGING.includes(route) && status !== null && status < 300 && !verdict.startsWith('no effect'),
  );
  return {
    decided: effective.map((decision) => `${decision.process?.kind} ${decision.verb}`),
    decidedAgain: [...new Set(events.filter((event, index) => events.indexOf(event) < index))],
    late: late.map(({ route }) => route),
  };
}

/**
 * Kinds of the processes whose decision took effect at Talkdesk, oldest first. Fails when one process was decided twice, and when
 * anything took effect after the approval of the last uninstall.
 */
export async function decidedProcesses(surroundings: Surroundings, installationId: string): Promise<string[]> {
  const { decided, decidedAgain, late } = await effectsOf(surroundings, installationId);
  assert.deepEqual(decidedAgain, [], `a process of ${installationId} was decided twice`);
  assert.deepEqual(late, [], `something took effect at ${installationId} after it was deprovisioned`);
  return decided;
}
