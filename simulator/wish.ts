import { containerFits } from './client-keys.js';
import { ControlProblem, installationSchema, readInput } from './control-schemas.js';
import type { InstallationWish } from './installations.js';
import { type Account, accountFor, type World } from './world.js';

/**
 * Reads the body of `POST /_control/installations` and fills in what it leaves open.
 * @throws ControlProblem 400 when the app is not registered, the key cannot be written so, or the account does not fit
 */
export function readWish(body: unknown, world: World, now: Date): InstallationWish {
  const input = readInput(installationSchema, body);
  const app = world.apps.get(input.app_id);
  if (app === undefined) {
    throw new ControlProblem(
      400,
      `app_id: ${input.app_id} is not registered; PUT /_control/apps/${input.app_id} first.`,
    );
  }
  const keyAlgorithm = input.key_algorithm ?? 'ES256';
  const keyContainer = input.key_container ?? 'pkcs8';
  if (!containerFits(keyAlgorithm, keyContainer)) {
    throw new ControlProblem(
      400,
      `key_container: ${keyContainer} is for ES algorithms; ${keyAlgorithm} takes pkcs8 or pem.`,
    );
  }
  const users = input.users ?? 3;
  // Events print whole seconds; the deadline counts from the time as printed.
  const createdAt = new Date(input.created_at ?? now);
  createdAt.setUTCMilliseconds(0);
  return {
    app,
    account: readAccount(world, input, createdAt),
    users,
    plan: input.plan ?? 'Paid Plus',
    licenses: input.licenses ?? Math.max(users, 1),
    keyAlgorithm,
    keyContainer,
    createdAt,
  };
}

function readAccount(
  world: World,
  input: { account_id?: string | undefined; account_name?: string | undefined },
  now: Date,
): Account {
  try {
    return accountFor(world, { id: input.account_id, name: input.account_name }, now);
  } catch (error) {
    throw new ControlProblem(400, (error as Error).message);
  }
}
