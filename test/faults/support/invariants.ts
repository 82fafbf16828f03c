import { leaksIn, patternsOf } from '../../support/leaks.js';
import { decidedProcesses } from '../../support/outcomes.js';
import type { InstallationView } from '../../support/simulator.js';
import type { Surroundings } from '../../support/stack.js';

/**
 * What must hold when everything is quiet, judged from the ledgers of simulator and product and from the tables, never from the
 * service's own word. Each violation is a sentence that begins with the number of its invariant; an empty list: all hold.
 *
 * I1 an event that was answered 2xx has a row of its own · I2 each accepted event has exactly one outcome · I3 one effective change for
 * each process · I4 nothing effective after an approved uninstall · I5 the tables equal the ledgers · I6 no secret outside its column
 */
export async function violations(surroundings: Surroundings): Promise<string[]> {
  return (
    await Promise.all([
      unkept(surroundings),
      unsettled(surroundings),
      doubledCalls(surroundings),
      doubledDecisions(surroundings),
      differences(surroundings),
      leaks(surroundings),
    ])
  ).flat();
}

async function unkept({ simulator, database }: Surroundings): Promise<string[]> {
  const answered = (await simulator.control.events()).filter(({ delivered }) => delivered);
  const rows = await database.query<{ id: string | null }>(
    'SELECT id FROM inbox_event UNION SELECT event_id AS id FROM quarantine',
  );
  const kept = new Set(rows.map(({ id }) => id));
  return answered
    .filter(({ event_id: id }) => !kept.has(id))
    .map(({ event_id: id, type }) => `I1: ${type} ${id} was answered 2xx and is not in the inbox`);
}

async function unsettled({ database }: Surroundings): Promise<string[]> {
  const open = await database.query<{ id: string; type: string; status: string }>(
    `SELECT id, type, status FROM inbox_event WHERE status <> 'settled' OR outcome IS NULL`,
  );
  const apart = await database.query<{ id: string; outcome: string; of_process: string | null }>(
    `SELECT e.id, e.outcome, p.outcome AS of_process FROM inbox_event e JOIN process p ON p.event_id = e.id
      WHERE e.outcome IS DISTINCT FROM p.outcome`,
  );
  const counted = await database.query<{ process_id: string; n: number }>(
    `SELECT process_id, count(*)::int AS n FROM audit_entry WHERE action = 'outcome' GROUP BY process_id HAVING count(*) > 1`,
  );
  return [
    ...open.map(({ id, type, status }) => `I2: ${type} ${id} has no outcome, it is ${status}`),
    ...apart.map(({ id, outcome, of_process: other }) => `I2: event ${id} is ${outcome}, its process ${other}`),
    ...counted.map(({ process_id: id, n }) => `I2: process ${id} has ${n} outcomes in the audit`),
  ];
}

/** The product does a key's work once, so a key of any other form than process and step would be a second effect of one step. */
async function doubledCalls({ product }: Surroundings): Promise<string[]> {
  const strange = await product.query<{ process_id: string; idempotency_key: string }>(
    `SELECT process_id, idempotency_key FROM call_ledger
      WHERE NOT starts_with(idempotency_key, process_id || ':')
         OR position(':' IN substr(idempotency_key, length(process_id) + 2)) > 0`,
  );
  const accounts = await product.query<{ talkdesk_account_id: string; n: number }>(
    'SELECT talkdesk_account_id, count(*)::int AS n FROM account GROUP BY app_id, talkdesk_account_id HAVING count(*) > 1',
  );
  return [
    ...strange.map(({ process_id: id, idempotency_key: key }) => `I3: a call for ${id} has the idempotency key ${key}`),
    ...accounts.map(({ talkdesk_account_id: id, n }) => `I3: account ${id} was made ${n} times`),
  ];
}

async function doubledDecisions(surroundings: Surroundings): Promise<string[]> {
  const found: string[] = [];
  for (const { installation_id: id } of await surroundings.simulator.control.installations()) {
    await decidedProcesses(surroundings, id).catch((error: Error) => {
      found.push(`I3 or I4: ${error.message}`);
    });
  }
  return found;
}

interface OurInstallation {
  id: string;
  state: string;
  /** Client ids of the sets that are current. */
  current: string[];
}

async function differences(surroundings: Surroundings): Promise<string[]> {
  const { simulator, database } = surroundings;
  const rows = await database.query<OurInstallation & Record<string, unknown>>(
    `SELECT i.id, i.state, coalesce(array_agg(c.client_id) FILTER (WHERE c.state = 'current'), '{}') AS current
       FROM installation i LEFT JOIN credential c ON c.installation_id = i.id GROUP BY i.id, i.state`,
  );
  const ours = new Map(rows.map((row) => [row.id, row]));
  const views = await simulator.control.installations();
  const accountIds = new Set(views.map(({ account_id: id }) => id));
  const found: string[] = [];
  for (const view of views) {
    const row = ours.get(view.installation_id);
    if (row !== undefined) found.push(...differencesOf(view, row));
  }
  for (const accountId of accountIds) {
    const installations = views.filter(({ account_id: id }) => id === accountId);
    found.push(...(await accountDifferences(surroundings, accountId, installations)));
  }
  return found;
}

function differencesOf(view: InstallationView, row: OurInstallation): string[] {
  const name = `installation ${view.installation_id}`;
  const wanted = view.state === 'completed' ? 'active' : 'ended';
  const found = row.state === wanted ? [] : [`I5: ${name} is ${view.state} at Talkdesk and ${row.state} here`];
  const theirs = view.clients.filter(({ state }) => state === 'current').map(({ client_id: id }) => id);
  if (wanted === 'active' && theirs.join() !== row.current.join()) {
    found.push(`I5: ${name} has the client ${theirs.join()} at Talkdesk and ${row.current.join()} here`);
  }
  return found;
}

/** The product's account and its users against what Talkdesk has in force for the account's completed installation, if any. */
async function accountDifferences(
  { simulator, product }: Surroundings,
  accountId: string,
  installations: InstallationView[],
): Promise<string[]> {
  const inForce = installations.find(({ state }) => state === 'completed');
  const [account] = await product.query<{ account_id: string; status: string }>(
    'SELECT account_id, status FROM account WHERE talkdesk_account_id = $1',
    [accountId],
  );
  if (inForce === undefined) {
    return account?.status === 'active'
      ? [`I5: account ${accountId} is open in the product and nowhere installed`]
      : [];
  }
  if (account === undefined) return [`I5: account ${accountId} is installed and missing in the product`];
  const users = await product.query<{ id: string }>(
    'SELECT talkdesk_user_id AS id FROM account_user WHERE account_id = $1 AND active',
    [account.account_id],
  );
  const wanted = (await simulator.control.settings(inForce.installation_id)).in_force.users;
  const same =
    [...wanted].sort().join() ===
    users
      .map(({ id }) => id)
      .sort()
      .join();
  const found = same
    ? []
    : [`I5: account ${accountId} has ${users.length} users in the product, ${wanted.length} at Talkdesk`];
  if (account.status !== 'active')
    found.push(`I5: account ${accountId} is installed and ${account.status} in the product`);
  return found;
}

async function leaks({ simulator, database }: Surroundings): Promise<string[]> {
  const secrets = await simulator.control.secrets();
  const patterns = patternsOf(secrets.map((value, index) => ({ name: `secret ${index}`, value })));
  const tables = await database.query<{ name: string }>(
    `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await database.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
    const bytes = Buffer.from(rows.map(({ row }) => row).join('\n'));
    for (const leak of leaksIn(name, bytes, patterns))
      found.push(`I6: ${leak.secret} (${leak.encoding}) is in ${name}`);
  }
  return found;
}
