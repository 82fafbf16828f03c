import type { SimulatorClient } from '../client/client.js';
import { Refused } from '../client/errors.js';
import { connect, findInstallation } from './connect.js';
import { UsageError } from './errors.js';
import type { Command } from './io.js';
import { COMMON, COMMON_HELP, parseWords, wholeNumber } from './options.js';
import { json } from './table.js';
import {
  EVENT_OPTIONS,
  INSTALL_OPTIONS,
  INSTALLATION_EVENTS,
  installInput,
  unknownEvent,
  type Values,
  WHICH_OPTIONS,
} from './trigger-events.js';

const KNOWN = ['app.installed', ...Object.keys(INSTALLATION_EVENTS)];

/** `trigger`: lets an event happen, with everything that it means for the installation. */
export const triggerCommand: Command = {
  help: `Usage: npm run simulator -- trigger EVENT [options]

Lets an event happen: the installation changes as it says, and it is signed and sent to the app's callback URL. EVENT is one of
  ${KNOWN.slice(0, 4).join(', ')},
  ${KNOWN.slice(4).join(', ')},
or any other type, which is sent in the usual envelope and changes nothing.

app.installed:
  --app ID             the app; may be left out when the simulator knows one only
  --callback URL       registers the app: where its events go
  --region NAME        where a new account lives: us, eu, ca, au, uk
  --account NAME       the account, a new one unless said; --installation ID installs again under this id
  --users N, --licenses N, --trial or --plan NAME
  --key-algorithm ALG  ES256, ES384, ES512, PS256, PS384, PS512

All others are about an installation that exists:
  --installation ID    the beginning of its id, or latest; may be left out when there is one only
  --account NAME, --app ID  narrow it
  app.updated              --users N, --licenses N, --trial or --plan NAME, --trial-ended after|before|on-approval|none
  app.uninstalled          --reason TEXT, --trial-ended after|before|on-approval|none
  app.trial_started, app.trial_extended  --expires TIME
  app.trial_ended          --reason trial_expired|app_uninstalled|plan_upgraded
  app.credentials_rotated  --kind routine|compromised, --key-algorithm ALG
  user.logout              --user ID, --email ADDRESS
  any other type           --data JSON

Every event:
  --count N            so many, one after the other; app.installed makes as many accounts
  --created-at TIME, --event-id ID
  --merge JSON         a merge patch (RFC 7396) of the event's body: adds, replaces, null leaves out
  --prepare            only makes the event, to be delivered by the control API
${COMMON_HELP}

  npm run simulator -- trigger app.installed --app demo --callback http://127.0.0.1:3000/webhooks/talkdesk
  npm run simulator -- trigger app.installed --region eu --users 25 --trial
  npm run simulator -- trigger app.updated --installation latest --users 30
  npm run simulator -- trigger app.uninstalled --account acme --reason "Too expensive"
  npm run simulator -- trigger app.something_new --installation 3f2a --data '{"note":"hello"}'`,
  async run(words, io) {
    const type = words.find((word) => !word.startsWith('-'));
    if (type === undefined || type !== words[0]) {
      throw new UsageError(`Say the event first: ${KNOWN.join(', ')}, or any other type.`);
    }
    const event = INSTALLATION_EVENTS[type] ?? unknownEvent(type);
    const own = type === 'app.installed' ? INSTALL_OPTIONS : { ...WHICH_OPTIONS, ...event.options };
    const { values } = parseWords(words.slice(1), { ...own, ...EVENT_OPTIONS, ...COMMON });
    const all = values as Values;
    const count = wholeNumber('count', values.count, 1, 10_000) ?? 1;
    if (count > 1) refuseTogether(all);
    const client = connect(values.simulator, io);
    const act =
      type === 'app.installed'
        ? await installer(client, all)
        : await actor(client, (id) => event.act(client, id, all), all);
    for (let made = 0; made < count; made += 1) {
      const { answer, said } = await act().catch(sayAsOptions);
      io.out(values.json === true ? json(answer) : `${type} ${said}`);
    }
    return 0;
  },
};

/** Options under which fields of the control API are given whose values the simulator judges. */
const OPTION_OF_FIELD: Readonly<Record<string, string>> = {
  app_id: 'app',
  account_name: 'account',
  region: 'region',
  installation_id: 'installation',
  users: 'users',
  plan: 'plan',
  licenses: 'licenses',
  key_algorithm: 'key-algorithm',
  created_at: 'created-at',
  event_id: 'event-id',
  trial_ended: 'trial-ended',
  expires_at: 'expires',
  reason: 'reason',
  kind: 'kind',
  user_id: 'user',
  user_email: 'email',
};

type Act = () => Promise<{ answer: object; said: string }>;

/** One request for each of several, with the same words but another account each. */
async function installer(client: SimulatorClient, values: Values): Promise<Act> {
  const input = await installInput(client, values);
  return async () => {
    const answer = await client.install(input);
    const where = `account ${answer.account_name} (${answer.region})`;
    return {
      answer,
      said: `${answer.event_id}: installation ${answer.installation_id} of app ${answer.app_id}, ${where}`,
    };
  };
}

async function actor(
  client: SimulatorClient,
  ask: (installationId: string) => Promise<{ event_id: string }>,
  values: Values,
): Promise<Act> {
  const text = (name: string) => values[name] as string | undefined;
  const which = { installation: text('installation'), account: text('account'), app: text('app') };
  const { installation_id: id, account_name: name } = await findInstallation(client, which);
  return async () => {
    const answer = await ask(id);
    return { answer, said: `${answer.event_id}: installation ${id}, account ${name}` };
  };
}

/**
 * The simulator names the fields of its control API; who typed options is told of those.
 * @throws UsageError where a field that has an option is wrong, else what was caught
 */
function sayAsOptions(error: unknown): never {
  if (!(error instanceof Refused)) throw error;
  const [problems = ''] = error.message.split(/ Allowed fields: /);
  const said = problems.replaceAll(/(^|; )(\w+): /g, (whole, before: string, field: string) => {
    const option = OPTION_OF_FIELD[field];
    return option === undefined ? whole : `${before}--${option}: `;
  });
  throw said === problems ? error : new UsageError(said);
}

/** What can be there once cannot be asked for many times. */
function refuseTogether(values: Values): void {
  if (values['event-id'] !== undefined) throw new UsageError('--event-id names one event: leave out --count.');
}
