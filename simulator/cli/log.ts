import { setTimeout as sleep } from 'node:timers/promises';
import type { SimulatorClient } from '../client/client.js';
import type { LogLine } from '../client/types.js';
import { connect, findInstallation } from './connect.js';
import { printTime } from './duration.js';
import type { Command, Io } from './io.js';
import { COMMON, COMMON_HELP, FLAG, parseWords, TEXT, wholeNumber } from './options.js';
import { printable, shortId } from './table.js';

/** The overview gives no more of the log at once. */
const LONGEST = 500;
const FOLLOW_EVERY_MS = 500;

/** `log`: what was delivered and what came in. */
export const logCommand: Command = {
  help: `Usage: npm run simulator -- log [options]

Deliveries to the partner (->) and its requests (<-), the oldest first, each with what was verified or what was wrong. Times are the
simulator's.

  --installation ID  of one installation only: the beginning of its id, or latest
  --last N           so many of the newest, 50 unless said, ${LONGEST} at most
  --follow           goes on with what comes, until Ctrl-C
  --json             one JSON object a line
${COMMON_HELP.split('\n')
  .filter((line) => !line.includes('--json'))
  .join('\n')}

  npm run simulator -- log --follow
  npm run simulator -- log --installation latest --last 10`,
  async run(words, io) {
    const { values } = parseWords(words, { installation: TEXT, last: TEXT, follow: FLAG, ...COMMON });
    const last = wholeNumber('last', values.last, 0, LONGEST) ?? 50;
    const client = connect(values.simulator, io);
    const installation =
      values.installation === undefined
        ? undefined
        : (await findInstallation(client, { installation: values.installation })).installation_id;
    const print = (line: LogLine) => io.out(values.json === true ? JSON.stringify(line) : describe(line));
    const first = await newest(client, installation, values.follow === true ? LONGEST : last);
    const shown = last === 0 ? [] : first.slice(-last);
    if (values.follow === true) await follow({ client, installation, print, io }, first, shown);
    else for (const line of shown) print(line);
    return 0;
  },
};

async function newest(client: SimulatorClient, installation: string | undefined, log: number): Promise<LogLine[]> {
  const asked = {
    limit: '1',
    log: String(log),
    ...(installation === undefined ? {} : { installation_id: installation }),
  };
  return (await client.overview(asked)).log.reverse();
}

/** Prints each line once, when it is about something that has ended. Ends with an interruption. */
async function follow(
  deps: { client: SimulatorClient; installation: string | undefined; print: (line: LogLine) => void; io: Io },
  known: LogLine[],
  shown: LogLine[],
): Promise<void> {
  const { client, installation, print } = deps;
  let seen = new Set(known.filter((line) => line.judgement !== 'open' && !shown.includes(line)).map(({ key }) => key));
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());
  while (!interruption.signal.aborted) {
    const lines = await newest(client, installation, LONGEST);
    const ended = lines.filter(({ judgement }) => judgement !== 'open');
    for (const line of ended) if (!seen.has(line.key)) print(line);
    // What has left the newest lines does not come back.
    seen = new Set(ended.map(({ key }) => key));
    await sleep(FOLLOW_EVERY_MS, undefined, { signal: interruption.signal }).catch(() => undefined);
  }
}

const MARKS = { good: 'ok', wrong: 'WRONG', fault: 'fault', open: 'open' } as const;

function describe(line: LogLine): string {
  const { at, direction, account_name: account, what, detail, status, ms, judgement, verdict } = line;
  const arrow = direction === 'delivery' ? '->' : '<-';
  const about = direction === 'delivery' ? shortId(detail) : detail;
  const answer = status === null ? '---' : String(status);
  return printable(
    `${printTime(at)} ${arrow} ${MARKS[judgement].padEnd(5)} ${answer} ${`${Math.round(ms)} ms`.padStart(7)}  ${(account ?? '-').padEnd(15)} ${what.padEnd(23)} ${about}: ${verdict}`,
  );
}
