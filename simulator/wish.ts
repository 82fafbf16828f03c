import { containerFits, type KeyAlgorithm, type KeyContainer } from './client-keys.js';
import { ControlProblem, readInput } from './control-problem.js';
import { type EventInput, installationSchema, type SettingsInput } from './control-schemas.js';
import type { Events, EventWish } from './events.js';
import { randomId } from './ids.js';
import type { InstallationWish } from './installations.js';
import { accountFor } from './registry.js';
import { wholeSeconds } from './reply.js';
import { numberedUsers, wishedUser } from './users.js';
import type { Account, CustomerSettings, Installation, Plan, World } from './world.js';

/**
 * Reads the body of `POST /_control/installations` and fills in what it leaves open.
 * @throws ControlProblem 400 when the app is not registered, the key cannot be written so, or account or app do not fit
 */
export function readWish(body: unknown, world: World, events: Events, now: Date): InstallationWish {
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
  const keyContainer = input.key_container ?? 'pkcs8';
  checkContainer(keyAlgorithm, keyContainer);
  const event = readEventWish(input, events, now);
  const account = readAccount(world, input, known, event.createdAt);
  if (known !== undefined && (known.app !== app || known.account !== account)) {
    const belongs = `app ${known.app.id} and account ${known.account.id}`;
    throw new ControlProblem(400, `installation_id: ${known.id} belongs to ${belongs}; install it again for these.`);
  }
  return {
    id: input.installation_id ?? randomId(),
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

/** @throws ControlProblem 400 when a key of this algorithm cannot be written so */
export function checkContainer(algorithm: KeyAlgorithm, container: KeyContainer): void {
  if (containerFits(algorithm, container)) return;
  throw new ControlProblem(400, `key_container: ${container} is for ES algorithms; ${algorithm} takes pkcs8 or pem.`);
}

function readAccount(
  world: World,
  input: { account_id?: string | undefined; account_name?: string | undefined },
  known: Installation | undefined,
  now: Date,
): Account {
  if (known !== undefined && input.account_id === undefined && input.account_name === undefined) return known.account;
  try {
    return accountFor(world, { id: input.account_id, name: input.account_name }, now);
  } catch (error) {
    throw new ControlProblem(400, (error as Error).message);
  }
}
