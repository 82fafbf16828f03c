import type { Verdicts } from '../client/types.js';
import { connect, findInstallation } from './connect.js';
import { printTime } from './duration.js';
import type { Command } from './io.js';
import { COMMON, COMMON_HELP, given, parseWords, TEXT } from './options.js';
import { json, printable, shortId, table } from './table.js';

/** `verdicts`: the oracle's judgement of a backend's conduct. */
export const verdictsCommand: Command = {
  help: `Usage: npm run simulator -- verdicts [options]

How the partner backend conducted itself so far, rule by rule: kept, broken, or not-seen when nothing came that the rule is about.

  --app ID           of one app only
  --installation ID  of one installation only: the beginning of its id, or latest
${COMMON_HELP}

Exit code 0: no rule is broken; 1: one is.

  npm run simulator -- verdicts
  npm run simulator -- verdicts --installation latest --json`,
  async run(words, io) {
    const { values } = parseWords(words, { app: TEXT, installation: TEXT, ...COMMON });
    const client = connect(values.simulator, io);
    const installation =
      values.installation === undefined
        ? undefined
        : (await findInstallation(client, { installation: values.installation, app: values.app })).installation_id;
    const verdicts = await client.verdicts(given({ app_id: values.app, installation_id: installation }));
    io.out(values.json === true ? json(verdicts) : describe(verdicts));
    return verdicts.rules.some(({ status }) => status === 'broken') ? 1 : 0;
  },
};

function describe({ rules, figures }: Verdicts): string {
  const heading = ['verdict', 'checked', 'rule', ''];
  const rows = rules.map(({ status, checked, rule, title }) => [status, String(checked), rule, title]);
  const breaches = rules.flatMap(({ rule, broken }) =>
    broken.map(({ at, installation_id: id, request, what }) => {
      const where = [id === null ? '' : shortId(id), request === null ? '' : `request ${request}`].filter(Boolean);
      return printable(`  ${printTime(at)}  ${rule}  ${where.join(', ')}: ${what}`);
    }),
  );
  const numbers = flat(figures).map(([name, value]) => [name.replaceAll('_', ' '), figure(value)]);
  return [
    table(heading, rows),
    ...(breaches.length === 0 ? [] : ['', 'Broken:', ...breaches]),
    ...(numbers.length === 0 ? [] : ['', table(['figure', 'value'], numbers)]),
  ].join('\n');
}

/** Figures by name; those of a group carry its name. */
function flat(figures: object): [string, unknown][] {
  return Object.entries(figures).flatMap(([name, value]): [string, unknown][] =>
    typeof value === 'object' && value !== null
      ? flat(value).map(([of, one]) => [`${name} ${of}`, one])
      : [[name, value]],
  );
}

function figure(value: unknown): string {
  return typeof value === 'number' ? String(Math.round(value * 1000) / 1000) : String(value ?? '-');
}
