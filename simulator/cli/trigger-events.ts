import type { SimulatorClient } from '../client/client.js';
import type { TrialEndInput, UninstallInput, UpdateInput } from '../client/types.js';
import { CommandError, UsageError } from './errors.js';
import { readTime } from './duration.js';
import { FLAG, given, jsonObject, oneOf, type Options, TEXT, wholeNumber } from './options.js';

/** Options of every event. */
export const EVENT_OPTIONS = { 'created-at': TEXT, 'event-id': TEXT, merge: TEXT, prepare: FLAG, count: TEXT } as const;

/** Options that say which installation an event is about. */
export const WHICH_OPTIONS = { installation: TEXT, account: TEXT, app: TEXT } as const;

const SETTINGS = { users: TEXT, plan: TEXT, trial: FLAG, licenses: TEXT } as const;
const KEY = { 'key-algorithm': TEXT } as const;

/** The values of a command line, by option. */
export type Values = Record<string, string | boolean | undefined | (string | boolean)[]>;

/** Options of `app.installed` besides those of every event. */
export const INSTALL_OPTIONS: Options = { ...WHICH_OPTIONS, callback: TEXT, region: TEXT, ...SETTINGS, ...KEY };

/** An event of an installation that exists: its options, and how the simulator is asked for it. */
export interface InstallationEvent {
  options: Options;
  /** @throws UsageError when a value is not understood */
  act(client: SimulatorClient, installationId: string, values: Values): Promise<{ event_id: string }>;
}

/** The events of an installation that exists. */
export const INSTALLATION_EVENTS: Record<string, InstallationEvent> = {
  'app.updated': {
    options: { ...SETTINGS, 'trial-ended': TEXT },
    act: (client, id, values) =>
      client.update(id, {
        ...readSettings(values),
        ...eventInput(values),
        ...given({ trial_ended: text(values, 'trial-ended') as UpdateInput['trial_ended'] }),
      }),
  },
  'app.uninstalled': {
    options: { reason: TEXT, 'trial-ended': TEXT },
    act: (client, id, values) => {
      const reason = text(values, 'reason');
      return client.uninstall(id, {
        ...eventInput(values),
        ...(reason === undefined ? {} : { reason: { type: 'other', message: reason } }),
        ...given({ trial_ended: text(values, 'trial-ended') as UninstallInput['trial_ended'] }),
      });
    },
  },
  'app.trial_started': {
    options: { expires: TEXT },
    act: (client, id, values) => client.startTrial(id, { ...readExpiry(values), ...eventInput(values) }),
  },
  'app.trial_extended': {
    options: { expires: TEXT },
    act: (client, id, values) => client.extendTrial(id, { ...readExpiry(values), ...eventInput(values) }),
  },
  'app.trial_ended': {
    options: { reason: TEXT },
    act: (client, id, values) =>
      client.endTrial(id, {
        ...given({ reason: text(values, 'reason') as TrialEndInput['reason'] }),
        ...eventInput(values),
      }),
  },
  'app.credentials_rotated': {
    options: { kind: TEXT, ...KEY },
    act: (client, id, values) =>
      client.rotate(id, {
        ...given({ kind: oneOf('--kind', text(values, 'kind'), ['routine', 'compromised']), ...readKey(values) }),
        ...eventInput(values),
      }),
  },
  'user.logout': {
    options: { user: TEXT, email: TEXT },
    act: (client, id, values) =>
      client.logout(id, {
        ...given({ user_id: text(values, 'user'), user_email: text(values, 'email') }),
        ...eventInput(values),
      }),
  },
};

/** An event of a type that Talkdesk does not document, in the usual envelope. */
export function unknownEvent(type: string): InstallationEvent {
  return {
    options: { data: TEXT },
    act: (client, id, values) =>
      client.sendEvent(id, {
        type,
        ...given({ data: jsonObject('data', text(values, 'data')) }),
        ...eventInput(values),
      }),
  };
}

/**
 * The body of `POST /installations` from a command line.
 * @throws CommandError when the app is not known
 */
export async function installInput(client: SimulatorClient, values: Values) {
  const appId = await appOf(client, text(values, 'app'), text(values, 'callback'));
  return {
    app_id: appId,
    ...given({
      account_name: text(values, 'account'),
      installation_id: text(values, 'installation'),
      // The simulator says which regions there are.
      region: text(values, 'region') as 'us' | undefined,
      ...readKey(values),
    }),
    ...readSettings(values),
    ...eventInput(values),
  };
}

/** The app that is meant, registered at its callback URL where one is given. */
async function appOf(
  client: SimulatorClient,
  wanted: string | undefined,
  callback: string | undefined,
): Promise<string> {
  if (callback !== undefined) {
    if (wanted === undefined) throw new UsageError('--callback registers an app: say which with --app.');
    await client.registerApp(wanted, { callback_url: callback });
    return wanted;
  }
  const apps = await client.apps();
  const how = 'trigger app.installed --app ID --callback URL registers one, and where its events go';
  if (apps.length === 0) throw new CommandError(`The simulator knows no app yet: ${how}.`);
  const ids = apps.map(({ app_id: id }) => id);
  if (wanted !== undefined && !ids.includes(wanted)) {
    throw new CommandError(`The simulator knows no app ${wanted}, only ${ids.join(', ')}: ${how}.`);
  }
  const [only, ...others] = ids;
  if (wanted === undefined && others.length > 0) throw new UsageError(`Say which app with --app: ${ids.join(', ')}.`);
  return wanted ?? only ?? '';
}

function readSettings(values: Values) {
  const plan = text(values, 'plan');
  if (plan !== undefined && values['trial'] === true) throw new UsageError('Say either --trial or --plan.');
  return given({
    users: wholeNumber('users', text(values, 'users'), 0, 100_000),
    plan: values['trial'] === true ? 'Trial' : plan,
    licenses: wholeNumber('licenses', text(values, 'licenses'), 0, 1_000_000),
  });
}

function readKey(values: Values) {
  return { key_algorithm: text(values, 'key-algorithm') as 'ES256' | undefined };
}

function readExpiry(values: Values): { expires_at?: string } {
  return given({ expires_at: timeOf('expires', values) });
}

function eventInput(values: Values) {
  return given({
    created_at: timeOf('created-at', values),
    event_id: text(values, 'event-id'),
    merge: jsonObject('merge', text(values, 'merge')),
    deliver: values['prepare'] === true ? false : undefined,
  });
}

function timeOf(name: string, values: Values): string | undefined {
  const given = text(values, name);
  if (given === undefined) return undefined;
  const time = readTime(given);
  if (time === undefined)
    throw new UsageError(`--${name} must be a time such as 2026-12-01T00:00:00Z, not "${given}".`);
  return time.toISOString();
}

function text(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}
