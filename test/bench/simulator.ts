/** `npm run bench:simulator`: what the simulator costs, in requests for each second of its CPU, and how fast it starts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ask, createLoad, REQUESTS_OF_AN_INSTALLATION } from './simulator-load.js';

const USAGE = `Measures the simulator alone. A backend in this process makes the requests of whole installations: token, account,
installation, users, subscription, approve, installation again; each begins with a delivery. The CPU time that the simulator's process
takes for it, all threads, is counted, so other work on the machine matters little.

  npm run bench:simulator                        3 rounds of 2,000 installations
  npm run bench:simulator -- --installations 500 shorter rounds
  npm run bench:simulator -- --rounds 1          fewer rounds
  npm run bench:simulator -- --ledger            also GET /_control/verdicts over a full ledger (200,000 requests)`;

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const AT_ONCE = 32;
const WARM_UP = 500;
const STARTS = 5;
/** The ledger's limit, in installations of this load. */
const FULL_LEDGER = Math.ceil(200_000 / REQUESTS_OF_AN_INSTALLATION);
/** What Linux counts CPU time in: 100 ticks a second. */
const TICK_MS = 10;

const COMMANDS: Record<string, string[]> = {
  'node --import tsx simulator/main.ts': ['--import', 'tsx', 'simulator/main.ts'],
  'node dist/simulator/main.js': ['dist/simulator/main.js'],
};

const say = (line: string) => process.stdout.write(`${line}\n`);

interface Running {
  child: ChildProcess;
  url: string;
  startMs: number;
}

async function start(args: string[]): Promise<Running> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, SIMULATOR_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const [line] = (await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line')) as [string];
  return { child, url: (JSON.parse(line) as { listening: string }).listening, startMs: performance.now() - startedAt };
}

/** What the machine gives at that moment: a server that only answers, asked as often. */
async function measureBare(requests: number): Promise<number> {
  const program = `const server = require('node:http').createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"state":"approve"}');
  });
  server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ listening: 'http://127.0.0.1:' + server.address().port })));`;
  const running = await start(['-e', program]);
  await ask(running.url, WARM_UP, AT_ONCE);
  const from = cpuMs(running);
  await ask(running.url, requests, AT_ONCE);
  const cpu = cpuMs(running) - from;
  await stop(running);
  return (requests * 1000) / cpu;
}

async function stop({ child }: Running): Promise<void> {
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** User and system time of a process with all its threads, in ms. */
function cpuMs({ child }: Running): number {
  // The name of the program, in brackets, may hold spaces; utime and stime are the 14th and 15th field.
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function memoryMb({ child }: Running): number {
  const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kb) / 1024);
}

/** Median, with the lowest and highest. */
function spread(values: number[], digits = 0): string {
  const sorted = [...values].sort((a, b) => a - b);
  const text = (index: number) => (sorted[index] ?? Number.NaN).toFixed(digits);
  return `${text(Math.floor(sorted.length / 2))} (${text(0)}–${text(sorted.length - 1)})`;
}

async function measureStart(): Promise<void> {
  for (const [command, args] of Object.entries(COMMANDS)) {
    if (!existsSync(`${ROOT}/${args.at(-1)}`)) {
      say(`${command}: not built; \`npm run build\` makes it.`);
      continue;
    }
    const wall: number[] = [];
    const cpu: number[] = [];
    for (let number = 0; number < STARTS; number += 1) {
      const running = await start(args);
      cpu.push(cpuMs(running));
      wall.push(running.startMs);
      await stop(running);
    }
    say(`${command}: listens after ${spread(wall)} ms, of which ${spread(cpu)} ms of CPU.`);
  }
}

async function measureVerdicts({ url }: Running): Promise<void> {
  const times: number[] = [];
  for (let number = 0; number < STARTS; number += 1) {
    const from = performance.now();
    const answer = await fetch(`${url}/_control/verdicts`);
    const { figures } = (await answer.json()) as { figures: { requests: number; dropped: number } };
    times.push(performance.now() - from);
    if (number === 0) say(`\nThe ledger holds ${figures.requests} requests and has given up ${figures.dropped}.`);
  }
  say(`GET /_control/verdicts over all of them: ${spread(times)} ms.`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h' },
      installations: { type: 'string', default: '2000' },
      rounds: { type: 'string', default: '3' },
      ledger: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(USAGE);
    return;
  }
  const installations = Number(values.installations);
  const rounds = Number(values.rounds);
  if (!(installations > 0 && rounds > 0)) throw new Error(USAGE);

  say(
    `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
  );
  await measureStart();
  const running = await start(COMMANDS['node --import tsx simulator/main.ts'] as string[]);
  const load = await createLoad(running.url);
  try {
    await load.run(WARM_UP, AT_ONCE);
    const requests = installations * REQUESTS_OF_AN_INSTALLATION;
    const perCpuSecond: number[] = [];
    const servedPerCpuSecond: number[] = [];
    const perSecond: number[] = [];
    const eachMs: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const cpuFrom = cpuMs(running);
      const from = performance.now();
      await load.run(installations, AT_ONCE);
      const cpu = cpuMs(running) - cpuFrom;
      perSecond.push((requests * 1000) / (performance.now() - from));
      perCpuSecond.push((requests * 1000) / cpu);
      // One control call makes each installation.
      servedPerCpuSecond.push(((requests + installations) * 1000) / cpu);
      eachMs.push(cpu / installations);
      bare.push(await measureBare(requests));
    }
    say(
      `\n${rounds} rounds of ${installations} installations: ${requests} requests and ${installations} deliveries each.`,
    );
    say(
      `Requests for each second of the simulator's CPU: ${spread(perCpuSecond)}; with the control calls: ${spread(servedPerCpuSecond)}.`,
    );
    say(`The same of a server that does nothing but answer, measured in between: ${spread(bare)}.`);
    say(`CPU for an installation, its delivery and keys with it: ${spread(eachMs, 2)} ms.`);
    say(`Requests a second as it was, with the load generator on the same machine: ${spread(perSecond)}.`);
    say(`Memory: ${memoryMb(running)} MB.`);
    if (values.ledger) {
      await load.run(FULL_LEDGER, AT_ONCE);
      await measureVerdicts(running);
      say(`Memory: ${memoryMb(running)} MB.`);
    }
  } finally {
    await load.stop();
    await stop(running);
  }
}

await main();
