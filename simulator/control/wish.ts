import { containerFits, type KeyAlgorithm, type KeyContainer } from '../world/client-keys.js';
import { ControlProblem, readInput } from './problem.js';
import { type EventInput, installationSchema, type SettingsInput } from './schemas.js';
import type { Events, EventWish } from '../events/events.js';
import { randomId } from '../world/ids.js';
import type { InstallationWish } from '../world/installations.js';
import type { RegionName, Regions } from '../world/regions.js';
import { accountFor } from '../world/registry.js';
import { wholeSeconds } from '../routes/reply.js';
import { numberedUsers, wishedUser } from '../world/users.js';
import type { Switches } from '../world/switches.js';
import type { Account, App, CustomerSettings, Installation, Plan, World } from '../world/world.js';

/**
 * Reads the body of `POST /_control/installations` and fills in what it leaves open.
 * @throws ControlProblem 400 when the app is not registered, the key cannot be written so, or account or app do not fit
 */
export function readWish(
  body: unknown,
  deps: { world: World; events: Events; regions: Regions; switches: Switches },
  now: Date,
): InstallationWish {
  const { world, events, regions, switches } = deps;
  const input = readInput(installationSchema, body);
  const app = world.apps.get(input.app_id);
  if (app === undefined) {
    throw new ControlProblem(
      400,
      `app_id: ${input.app_id} is not registered; PUT /_control/apps/${input.app_id} first.`,
    );
  }
  const known = input.installation_id === undefined ? undefined : world.installations.get(input.installation_id);
  const keyAlgorithm = input.key_algorithm ?? 'ES256';
  const keyContainer = input.key_container ?? containerFor(keyAlgorithm, switches);
  checkContainer(keyAlgorithm, keyContainer);
  const event = readEventWish(input, events, now);
  const account = readAccount(world, regions, input, known, event.createdAt);
  if (known !== undefined && (known.app !== app || known.account !== account)) {
    const belongs = `app ${known.app.id} and account ${known.account.id}`;
    throw new ControlProblem(400, `installation_id: ${known.id} belongs to ${belongs}; install it again for these.`);
  }
  return {
    id: input.installation_id ?? reinstalledId(world, app, account, switches) ?? randomId(),
    app,
    account,
    settings: readSettings(input, account, known?.settings),
    autoProvisionFilters: input.auto_provision_filters ?? [{ filter: 'none' }],
    keyAlgorithm,
    keyContainer,
    event,
  };
}

/**
 * Reads when an event is made and under which id; times have whole seconds, as events print them.
 * @throws ControlProblem 400 when the id is taken
 */
export function readEventWish(input: EventInput, events: Events, now: Date): EventWish {
  const eventId = input.event_id ?? randomId();
  if (events.find(eventId) !== undefined) {
    throw new ControlProblem(400, `event_id: ${eventId} is taken; leave it out for a fresh one.`);
  }
  return { eventId, createdAt: wholeSeconds(new Date(input.created_at ?? now)), merge: input.merge };
}

/** The settings that are asked for; what is left out is as before, or three users on a paid plan. */
export function readSettings(
  input: SettingsInput,
  account: Account,
  before: CustomerSettings | undefined,
): CustomerSettings {
  const wished = input.users ?? (before === undefined ? 3 : undefined);
  const userIds = wished === undefined ? before?.userIds : readUsers(wished, account);
  return { userIds: userIds ?? [], plan: readPlan(input, before?.plan, userIds?.length ?? 0) };
}

function readUsers(wished: NonNullable<SettingsInput['users']>, account: Account): string[] {
  const users =
    typeof wished === 'number'
      ? numberedUsers(account, wished)
      : wished.map((user) => wishedUser(account, typeof user === 'string' ? { id: user } : user));
  return [...new Set(users.map(({ id }) => id))];
}

/** A plan's type follows its name where nothing else is said: a plan named Trial is a trial. */
function readPlan(input: SettingsInput, before: Plan | undefined, users: number): Plan {
  const given = typeof input.plan === 'string' ? { name: input.plan } : (input.plan ?? {});
  const name = given.name ?? before?.name ?? 'Paid Plus';
  const typeByName = name.toLowerCase() === 'trial' ? 'trial' : 'paid';
  const unchanged = given.name === undefined ? before?.type : undefined;
  return {
    name,
    type: given.type ?? unchanged ?? typeByName,
    licenses: given.licenses ?? input.licenses ?? before?.licenses ?? Math.max(users, 1),
  };
}

/** The container of the general switch, or the documented one where the key cannot be written so. */
export function containerFor(algorithm: KeyAlgorithm, switches: Switches): KeyContainer {
  return containerFits(algorithm, switches.private_key_container) ? switches.private_key_container : 'pkcs8';
}

/** By the switch, what was installed before and has ended is installed again under its id (talkdesk-api.md 7.3). */
function reinstalledId(world: World, app: App, account: Account, switches: Switches): string | undefined {
  if (switches.reinstall_id === 'new') return undefined;
  const before = [...world.installations.values()].filter((one) => one.app === app && one.account === account);
  const last = before.at(-1);
  return last !== undefined && ['revoked', 'rejected', 'timeout'].includes(last.state) ? last.id : undefined;
}

/** @throws ControlProblem 400 when a key of this algorithm cannot be written so */
export function checkContainer(algorithm: KeyAlgorithm, container: KeyContainer): void {
  if (containerFits(algorithm, container)) return;
  throw new ControlProblem(400, `key_container: ${container} is for ES algorithms; ${algorithm} takes pkcs8 or pem.`);
}

function readAccount(
  world: World,
  regions: Regions,
  input: { account_id?: string | undefined; account_name?: string | undefined; region?: RegionName | undefined },
  known: Installation | undefined,
  now: Date,
): Account {
  const { account_name: name, region } = input;
  const id = input.account_id ?? (name === undefined ? known?.account.id : undefined);
  if (region !== undefined && !regions.all.some((served) => served.name === region)) {
    const allowed = regions.all.map((served) => served.name).join(', ');
    throw new ControlProblem(400, `region: ${region} is not served here; allowed are ${allowed} (SIMULATOR_REGIONS).`);
  }
  try {
    return accountFor(world, { id, name, region }, regions.first.name, now);
  } catch (error) {
    throw new ControlProblem(400, (error as Error).message);
  }
}
