import type { SimulatorClient } from '../client/client.js';
import type { App } from '../client/types.js';
import { CannotRun } from './failure.js';

const defaultAppId = 'conformance-check';
/** What an app needs for installations, users, account and decisions (talkdesk-api.md 3.5). */
const scopes = ['apps:read', 'apps:write', 'account:read', 'users:read'];

/** The app that the check is about; `before`: as it is registered, undefined: it is not yet. */
export interface ChosenApp {
  id: string;
  before: App | undefined;
}

/**
 * Chooses the app: the given one, else the only one, else `conformance-check`.
 * @param options.register one that the simulator does not know may be registered
 * @throws CannotRun for an unknown one that may not; it lists the known ones
 */
export async function chooseApp(
  client: SimulatorClient,
  options: { appId: string | undefined; register: boolean },
): Promise<ChosenApp> {
  const apps = await client.apps();
  const only = apps.length === 1 ? apps[0]?.app_id : undefined;
  const id = options.appId ?? only ?? defaultAppId;
  const before = apps.find(({ app_id }) => app_id === id);
  if (before !== undefined || options.register) return { id, before };
  const known = apps.length === 0 ? 'no app yet' : `only ${apps.map(({ app_id }) => app_id).join(', ')}`;
  throw new CannotRun(
    `The simulator knows no app "${id}", ${known}. Give the app id that the backend is configured for with --app-id, or have ${id} registered with --register.`,
  );
}

/**
 * Lets the app's events go to the webhook.
 * @returns what puts back the callback URL that was registered before
 */
export async function pointAppAt(
  client: SimulatorClient,
  { id, before }: ChosenApp,
  webhook: string,
): Promise<() => Promise<void>> {
  await client.registerApp(id, { callback_url: webhook, ...(before === undefined ? { scopes } : {}) });
  return async () => {
    if (before === undefined || before.callback_url === webhook) return;
    const { callback_url, scopes: granted, version_name } = before;
    await client.registerApp(id, { callback_url, scopes: granted, version_name });
  };
}
