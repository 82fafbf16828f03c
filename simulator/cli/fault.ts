import type { SimulatorClient } from '../client/client.js';
import { connect, findInstallation } from './connect.js';
import { UsageError } from './errors.js';
import { deliveryKinds, faultOptions, readFault, routeKinds } from './fault-input.js';
import type { Command } from './io.js';
import { COMMON, COMMON_HELP, oneOf, parseWords, TEXT } from './options.js';
import { json, printable, table } from './table.js';

const ACTIONS = ['add', 'list', 'remove', 'clear'] as const;

/** `fault`: faults of routes and of deliveries. */
export const faultCommand: Command = {
  help: `Usage: npm run simulator -- fault add KIND --route ROUTE [options] | list | remove ID | clear

Faults of Talkdesk's API, which hit the requests of the partner, and of deliveries (--route delivery). A fault hits once unless --times,
--lasts or --probability say otherwise. The kinds
  of routes      ${routeKinds.join(', ')}
  of deliveries  ${deliveryKinds.join(', ')}

  --installation ID    hits only this one: the beginning of its id, or latest
  ${wrapped(Object.keys(faultOptions).map((name) => `--${name}`))}
  --headers and --sign take name=value, with commas between several; a negative number is written --seconds=-300.
  What each means, and what goes with which kind: docs/simulator.md, and GET /_control/openapi.json.
${COMMON_HELP}

  npm run simulator -- fault add status --route state --status 503 --times 2
  npm run simulator -- fault add reset --route state --when after
  npm run simulator -- fault add rate-limit --route token --retry-after seconds --retry-after-seconds 5
  npm run simulator -- fault add signature --sign tamper=bad-hex
  npm run simulator -- fault add duplicate --copies 3 --delay 10s
  npm run simulator -- fault list`,
  async run(words, io) {
    const options = { installation: TEXT, ...faultOptions, ...COMMON };
    const { values, positionals } = parseWords(words, options, ['ACTION', '[KIND or ID]']);
    const action = oneOf('ACTION', positionals[0], ACTIONS) ?? 'list';
    const [, what] = positionals;
    const client = connect(values.simulator, io);
    if (action === 'add') {
      const fault = await toAdd(client, what, values);
      const added = await client.addFault(fault);
      io.out(values.json === true ? json(added) : `Added ${added.id}.`);
      return 0;
    }
    const stray = Object.keys(values).find((name) => !(name in COMMON));
    if (stray !== undefined) throw new UsageError(`--${stray} is for "fault add" only.`);
    if (action === 'list') io.out(await list(client, values.json === true));
    else {
      if (action === 'remove') await client.removeFault(required(what, 'remove takes the ID that "fault list" shows.'));
      else await client.clearFaults();
      io.out(
        values.json === true
          ? json({ ok: true })
          : action === 'remove'
            ? `Removed ${what}.`
            : 'No fault is set any more.',
      );
    }
    return 0;
  },
};

async function toAdd(
  client: SimulatorClient,
  kind: string | undefined,
  values: Record<string, unknown>,
): Promise<object> {
  const kinds = [...new Set([...routeKinds, ...deliveryKinds])];
  const known = oneOf('KIND', required(kind, `add takes a KIND: ${kinds.join(', ')}.`), kinds) ?? '';
  const fault = readFault(known, values);
  const { installation } = values;
  if (typeof installation !== 'string') return fault;
  return { ...fault, installation_id: (await findInstallation(client, { installation })).installation_id };
}

async function list(client: SimulatorClient, asJson: boolean): Promise<string> {
  const faults = await client.faults();
  if (asJson) return json({ faults });
  if (faults.length === 0) return 'No fault is set.';
  const rows = faults.map(({ id, kind, route, left, used, ...more }) => {
    const set = Object.entries(more).filter(([, value]) => value !== null && value !== undefined);
    const details = set.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
    return [
      id,
      kind,
      String(route),
      left === null ? 'no limit' : String(left),
      String(used),
      printable(details.join(' ')),
    ];
  });
  return table(['id', 'kind', 'route', 'left', 'used', 'as set'], rows);
}

function required(value: string | undefined, sentence: string): string {
  if (value === undefined) throw new UsageError(sentence);
  return value;
}

/** Words in lines that fit the help. */
function wrapped(words: string[]): string {
  const lines: string[] = [''];
  for (const word of words) {
    const line = `${lines.at(-1)}${lines.at(-1) === '' ? '' : ', '}${word}`;
    if (line.length > 120) lines.push(word);
    else lines[lines.length - 1] = line;
  }
  return lines.join(',\n  ');
}
