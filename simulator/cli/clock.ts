import type { Clock } from '../client/types.js';
import { connect } from './connect.js';
import { printDuration, printTime, readDuration, readTime } from './duration.js';
import { UsageError } from './errors.js';
import type { Command } from './io.js';
import { COMMON, COMMON_HELP, parseWords } from './options.js';
import { json } from './table.js';

const ALLOWED = 'a length of time such as +7d or 2h30m, a time such as 2026-12-01T00:00:00Z, now, freeze, or run';

/** `clock`: reads and moves the simulator's time. */
export const clockCommand: Command = {
  help: `Usage: npm run simulator -- clock [+LENGTH | TIME | now | freeze | run] [options]

Without a word: where the clock stands. Otherwise moves it and waits until everything that fell due on the way has happened, in order:
retries of deliveries, ends of windows and trials. now is the machine's time. Lengths are numbers with w, d, h, m, s or ms.

${COMMON_HELP}

  npm run simulator -- clock
  npm run simulator -- clock +7d
  npm run simulator -- clock 2h30m
  npm run simulator -- clock 2026-12-01T00:00:00Z
  npm run simulator -- clock now
  npm run simulator -- clock freeze`,
  async run(words, io) {
    if (words.some((word) => /^-\d/.test(word))) {
      throw new UsageError(`The clock goes forwards by a length, and backwards only to a time: give ${ALLOWED}.`);
    }
    const { values, positionals } = parseWords(words, COMMON, ['[MOVE]']);
    const clock = await move(connect(values.simulator, io), positionals[0]);
    io.out(values.json === true ? json(clock) : describe(clock));
    return 0;
  },
};

function move(client: ReturnType<typeof connect>, word: string | undefined): Promise<Clock> {
  if (word === undefined) return client.clock();
  if (word === 'freeze') return client.clockMode('frozen');
  if (word === 'now') return client.setClock('now');
  if (word === 'run') return client.clockMode('running');
  const ms = readDuration(word);
  if (ms !== undefined) return client.advance(ms);
  const time = readTime(word);
  if (time !== undefined) return client.setClock(time);
  throw new UsageError(`"${word}" is no move of the clock: give ${ALLOWED}.`);
}

function describe({ now, offset_ms: offsetMs, mode, followers }: Clock): string {
  const offset =
    Math.abs(offsetMs) < 500
      ? "the machine's time"
      : `${printDuration(Math.abs(offsetMs))} ${offsetMs < 0 ? 'behind' : 'ahead of'} the machine's`;
  const told = followers.map(({ url, last_error: error }) => `  follower ${url}: ${error ?? 'has the time'}`);
  return [`${printTime(now)} UTC, ${mode}, ${offset}`, ...told].join('\n');
}
