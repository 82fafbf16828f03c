import type { InstallationView } from '../../support/simulator.js';
import type { Surroundings } from '../../support/stack.js';
import { installationsOf } from './effects.js';

interface OurInstallation {
  id: string;
  state: string;
  /** Client ids of the sets that are current. */
  current: string[];
}

/** States of an installation that is in use at Talkdesk, and of one that is no more. */
const IN_USE: readonly string[] = ['completed', 'updating', 'suspended'];
const OVER: readonly string[] = ['rejected', 'timeout', 'revoked'];

/** I5 our tables, Talkdesk and product say the same, as sentences; of everything, or of one account. */
export async function differences(surroundings: Surroundings, only?: string): Promise<string[]> {
  const { simulator, database } = surroundings;
  const rows = await database.query<OurInstallation & Record<string, unknown>>(
    `SELECT i.id, i.state, coalesce(array_agg(c.client_id) FILTER (WHERE c.state = 'current'), '{}') AS current
       FROM installation i LEFT JOIN credential c ON c.installation_id = i.id GROUP BY i.id, i.state`,
  );
  const ours = new Map(rows.map((row) => [row.id, row]));
  const told = new Set(
    (await simulator.control.events())
      .filter(({ type, delivered }) => type === 'app.installed' && delivered)
      .map(({ installation_id: id }) => id),
  );
  const views = await installationsOf(surroundings, only);
  const accountIds = new Set(views.map(({ account_id: id }) => id));
  const found: string[] = [];
  for (const view of views) {
    const row = ours.get(view.installation_id);
    if (row !== undefined) found.push(...differencesOf(view, row));
    else if (told.has(view.installation_id))
      found.push(`I5: installation ${view.installation_id} is not in the tables`);
  }
  for (const accountId of accountIds) {
    const installations = views.filter(({ account_id: id }) => id === accountId);
    found.push(...(await accountDifferences(surroundings, accountId, installations)));
  }
  return found;
}

function differencesOf(view: InstallationView, row: OurInstallation): string[] {
  const name = `installation ${view.installation_id}`;
  const wanted = IN_USE.includes(view.state) ? 'active' : OVER.includes(view.state) ? 'ended' : row.state;
  const found = row.state === wanted ? [] : [`I5: ${name} is ${view.state} at Talkdesk and ${row.state} here`];
  const theirs = view.clients.filter(({ state }) => state === 'current').map(({ client_id: id }) => id);
  if (wanted === 'active' && theirs.join() !== row.current.join()) {
    found.push(`I5: ${name} has the client ${theirs.join()} at Talkdesk and ${row.current.join()} here`);
  }
  if (view.state === 'revoked' && row.state === 'ended' && row.current.length > 0) {
    found.push(`I5: ${name} is revoked at Talkdesk and has credentials here`);
  }
  return found;
}

/** The product's account and its users against what Talkdesk has in force for the account's installation in use, if any. */
async function accountDifferences(
  { simulator, product }: Surroundings,
  accountId: string,
  installations: InstallationView[],
): Promise<string[]> {
  const inForce = installations.find(({ state }) => IN_USE.includes(state));
  const [account] = await product.query<{ account_id: string; status: string }>(
    'SELECT account_id, status FROM account WHERE talkdesk_account_id = $1',
    [accountId],
  );
  const users =
    account === undefined
      ? []
      : await product.query<{ id: string }>(
          'SELECT talkdesk_user_id AS id FROM account_user WHERE account_id = $1 AND active',
          [account.account_id],
        );
  if (inForce === undefined) {
    if (account?.status === 'active') return [`I5: account ${accountId} is open in the product and nowhere installed`];
    return users.length === 0 ? [] : [`I5: account ${accountId} is ${account?.status} and has users in the product`];
  }
  if (account === undefined) return [`I5: account ${accountId} is installed and missing in the product`];
  const { users: wanted, plan } = (await simulator.control.settings(inForce.installation_id)).in_force;
  // More users than seats: the default of an app gives the seats to those that were assigned first (`seats` in APPS_FILE).
  const seats = Math.min(wanted.length, plan?.licenses ?? wanted.length);
  const strangers = users.filter(({ id }) => !wanted.includes(id));
  const found: string[] = [];
  if (users.length !== seats || strangers.length > 0) {
    found.push(
      `I5: account ${accountId} has ${users.length} users in the product, ${strangers.length} of them unknown to Talkdesk; ` +
        `${wanted.length} are assigned there with ${seats} seats`,
    );
  }
  const open = inForce.state === 'suspended' ? 'suspended' : 'active';
  if (account.status !== open)
    found.push(`I5: account ${accountId} is ${inForce.state} at Talkdesk and ${account.status} in the product`);
  return found;
}
