import { accountAtRest, type AccountAtRest, mappingAtRest, type MappedUser } from '../../support/outcomes.js';
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

/** The product's account, its users and our mapping of them against what Talkdesk has in force for the installation in use, if any. */
async function accountDifferences(
  surroundings: Surroundings,
  accountId: string,
  installations: InstallationView[],
): Promise<string[]> {
  const name = `account ${accountId}`;
  const inForce = installations.find(({ state }) => IN_USE.includes(state));
  const account = await accountAtRest(surroundings, accountId);
  const users = Object.keys(account?.users ?? {});
  if (inForce === undefined) {
    if (account?.status === 'active') return [`I5: ${name} is open in the product and nowhere installed`];
    return users.length === 0 ? [] : [`I5: ${name} is ${account?.status} and has users in the product`];
  }
  if (account === null) return [`I5: ${name} is installed and missing in the product`];
  const { in_force: settings } = await surroundings.simulator.control.settings(inForce.installation_id);
  const { users: wanted, plan } = settings;
  // More users than seats: the default of an app gives the seats to those that were assigned first (`seats` in APPS_FILE).
  const seats = Math.min(wanted.length, plan.licenses);
  const strangers = users.filter((id) => !wanted.includes(id));
  const found: string[] = [];
  if (users.length !== seats || strangers.length > 0) {
    found.push(
      `I5: ${name} has ${users.length} users in the product, ${strangers.length} of them unknown to Talkdesk; ` +
        `${wanted.length} are assigned there with ${seats} seats`,
    );
  }
  const open = inForce.state === 'suspended' ? 'suspended' : 'active';
  if (account.status !== open)
    found.push(`I5: ${name} is ${inForce.state} at Talkdesk and ${account.status} in the product`);
  const known = account.plan === plan.name || (account.plan === null && (await wasToldOfNoPlan(surroundings, inForce)));
  if (!known || account.licenses !== plan.licenses) {
    found.push(
      `I5: ${name} has the plan ${plan.name} with ${plan.licenses} licences at Talkdesk, ` +
        `and ${account.plan} with ${account.licenses} in the product`,
    );
  }
  return [...found, ...mappingDifferences(name, await mappingAtRest(surroundings, accountId), wanted, account)];
}

/** Whether Talkdesk has answered that there is no plan: the service takes it at its word until the next update (talkdesk-api.md 4.3). */
async function wasToldOfNoPlan(
  { simulator }: Surroundings,
  { installation_id: id }: InstallationView,
): Promise<boolean> {
  const requests = await simulator.control.requests({ installation_id: id, route: 'subscription' });
  return requests.some(({ status }) => status === 404);
}

/** Everyone who is assigned is in the mapping, with or without a seat; who has one is in the product under the id that is kept. */
function mappingDifferences(
  name: string,
  mapped: readonly MappedUser[],
  wanted: readonly string[],
  { users }: AccountAtRest,
): string[] {
  const found: string[] = [];
  const strangers = mapped.filter(({ id }) => !wanted.includes(id));
  if (mapped.length !== wanted.length || strangers.length > 0) {
    found.push(
      `I5: ${name} has ${mapped.length} users in our mapping, ${strangers.length} of them unknown to Talkdesk; ` +
        `${wanted.length} are assigned there`,
    );
  }
  const seated = mapped.filter(({ seat }) => seat === 'active');
  const active = Object.keys(users).length;
  const same = seated.filter(({ id, product }) => users[id] === product).length;
  if (seated.length !== active || same !== active)
    found.push(
      `I5: ${name} has ${seated.length} users with a seat here and ${active} in the product, ${same} in common`,
    );
  return found;
}
