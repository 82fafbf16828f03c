import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { createClock } from './clock.js';
import { defects } from './defects.js';
import { goodHabits } from './habits.js';
import { openJournal } from './journal.js';
import { createBackend } from './webhook.js';

const help = `A small partner backend for Talkdesk AppConnect: correct, or wrong in one chosen way.

  node --import tsx examples/wrong-backends/main.ts [options]

  --port N             port on 127.0.0.1, 0 for any free one (4200)
  --defect NAME        what it does wrong; without it nothing
  --file FILE          where events are kept (wrong-backend.jsonl); it holds credentials
  --origin URL         a gateway or token service that events may lead to; repeat it for further regions
                       (http://127.0.0.1:3002)
  --window-seconds N   how long Talkdesk waits for an answer (604800)
  --pid-file FILE      where the process id is written

  POST /webhook        the events callback URL
  PUT /time            for tests: {"now": "2026-01-05T10:00:00Z"} is the time from now on
  GET /health          answers 200

Defects:
${Object.entries(defects)
  .map(([name, { harm }]) => `  ${name}\n      ${harm}`)
  .join('\n')}
`;

const say = (line: string) => void process.stdout.write(`${line}\n`);

/** @throws Error that names the option that cannot be used */
function readOptions() {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      port: { type: 'string', default: '4200' },
      defect: { type: 'string' },
      file: { type: 'string', default: 'wrong-backend.jsonl' },
      origin: { type: 'string', multiple: true, default: ['http://127.0.0.1:3002'] },
      'window-seconds': { type: 'string', default: '604800' },
      'pid-file': { type: 'string' },
    },
  });
  const defect = values.defect === undefined ? undefined : defects[values.defect];
  if (values.defect !== undefined && defect === undefined) {
    throw new Error(`--defect must be one of ${Object.keys(defects).join(', ')}`);
  }
  const wrongOrigin = values.origin.find((url) => !URL.canParse(url));
  if (wrongOrigin !== undefined) throw new Error('--origin must be a URL such as http://127.0.0.1:3002');
  const windowMs = Number(values['window-seconds']) * 1000;
  if (!(windowMs > 0)) throw new Error('--window-seconds must be a number above 0');
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error('--port must be from 0 to 65535');
  const origins = values.origin.map((url) => new URL(url).origin);
  return { ...values, port, origins, windowMs, habits: { ...goodHabits, ...defect?.habits } };
}

async function run(options: ReturnType<typeof readOptions>): Promise<void> {
  const { habits, origins, windowMs, file } = options;
  const stop = () => process.exit(0);
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  // Its parent, if one watches over it, has gone.
  if (process.connected) process.once('disconnect', stop);
  const journal = await openJournal(file);
  const app = createBackend({ habits, journal, origins, windowMs, clock: createClock(), log: say });
  const server = app.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  if (options['pid-file'] !== undefined) writeFileSync(options['pid-file'], `${process.pid}\n`);
  say(`wrong-backends listens on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

try {
  const options = readOptions();
  if (options.help) process.stdout.write(help);
  else await run(options);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
