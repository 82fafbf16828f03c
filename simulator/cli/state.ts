import type { Installation } from '../client/types.js';
import { connect, findInstallation } from './connect.js';
import { printDuration, printTime } from './duration.js';
import type { Command } from './io.js';
import { COMMON, COMMON_HELP, parseWords, TEXT } from './options.js';
import { json, shortId, table } from './table.js';

/** `state`: where installations stand. */
export const stateCommand: Command = {
  help: `Usage: npm run simulator -- state [INSTALLATION] [options]

Installations with their state and the time that is left in the window of what waits for the partner's answer; with INSTALLATION, the
beginning of its id or latest, everything that happened to it.

  --app ID, --account NAME  only these
${COMMON_HELP}

  npm run simulator -- state
  npm run simulator -- state latest`,
  async run(words, io) {
    const { values, positionals } = parseWords(words, { app: TEXT, account: TEXT, ...COMMON }, ['[INSTALLATION]']);
    const client = connect(values.simulator, io);
    const { app, account } = values;
    const [{ now }, shown] = await Promise.all([
      client.clock(),
      positionals[0] === undefined
        ? client.installations()
        : findInstallation(client, { installation: positionals[0], app, account }),
    ]);
    if (!Array.isArray(shown)) {
      io.out(values.json === true ? json(shown) : describe(shown, now));
      return 0;
    }
    const installations = shown.filter(
      (one) =>
        (app === undefined || one.app_id === app) &&
        (account === undefined || [one.account_id, one.account_name].includes(account)),
    );
    if (values.json === true) io.out(json({ installations }));
    else io.out(installations.length === 0 ? 'No installation.' : list(installations, now));
    return 0;
  },
};

function list(installations: Installation[], now: string): string {
  const heading = ['installation', 'account', 'app', 'region', 'state', 'waits for', 'time left', 'plan', 'users'];
  const rows = installations.map((one) => {
    const [first] = waiting(one);
    return [
      shortId(one.installation_id),
      one.account_name,
      one.app_id,
      one.region,
      one.state,
      waiting(one)
        .map(({ kind }) => kind)
        .join(', '),
      first === undefined ? '' : printDuration(Date.parse(first.deadline) - Date.parse(now)),
      plan(one),
      String(one.users_total),
    ];
  });
  return table(heading, rows);
}

/** What waits for the partner's answer, the least time left first. */
function waiting({ processes }: Installation): Installation['processes'] {
  return processes
    .filter(({ ended }) => ended === null)
    .sort((one, other) => Date.parse(one.deadline) - Date.parse(other.deadline));
}

function plan({ plan: { name, type, licenses }, trial }: Installation): string {
  const ends = type === 'trial' && trial?.ended_at === null ? ` until ${trial.expires_at.slice(0, 10)}` : '';
  return `${name}, ${licenses}${ends}`;
}

function describe(one: Installation, now: string): string {
  const facts = [
    ['installation', one.installation_id],
    ['account', `${one.account_name} (${one.account_id}, ${one.region})`],
    ['app', one.app_id],
    ['state', `${one.state} since ${printTime(one.updated_at)}`],
    ['plan, licenses', plan(one)],
    ['users', String(one.users_total)],
    ['tokens given out', String(one.token_requests)],
  ];
  const processes = one.processes.map(({ kind, event_id: eventId, created_at, deadline, decided, ended }) => [
    kind,
    printTime(created_at),
    decided === null ? '' : `${decided.verb} after ${printDuration(Date.parse(decided.at) - Date.parse(created_at))}`,
    ended ?? `open, ${printDuration(Date.parse(deadline) - Date.parse(now))} left`,
    shortId(eventId),
  ]);
  const clients = one.clients.map(({ client_id: id, key_algorithm, state }) => [shortId(id), key_algorithm, state]);
  return [
    table(['', ''], facts).trimStart(),
    table(['process', 'began', 'answered', 'ended', 'event'], processes),
    table(['client', 'key', 'state'], clients),
  ].join('\n\n');
}
