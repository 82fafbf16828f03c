import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createProduct } from '../../product/http/adapter.js';
import type { Product } from '../../product/port.js';
import { eventually } from '../support/eventually.js';

const FOLDER = fileURLToPath(new URL('../../examples/python-product', import.meta.url));
/** Generous: the machine may be busy with other test files. */
const START_LIMIT_MS = 20_000;

/** A secret for tests; any 32 bytes would do. */
export const SIGNING_SECRET = `whsec_${Buffer.alloc(32, 'product').toString('base64')}`;

/** The Python sample as a process of its own. */
export interface PythonProduct {
  url: string;
  port: number;
  /** The HTTP adapter for it. */
  open(): Promise<Product>;
  /** Keeps it from running, as a machine under load does. */
  pause(): Promise<void>;
  /** Lets it run again. */
  goOn(): void;
  /** Ends it at once, wherever it is. */
  kill(): Promise<void>;
  /** Asks it to end, and gives its exit code. */
  stop(): Promise<number | null>;
}

/**
 * Starts it with these arguments, on any free port unless they name one.
 *
 * @throws when there is no python3, or the process ends before it listens
 */
export async function startPythonProduct(args: string[] = []): Promise<PythonProduct> {
  const child = spawn('python3', ['-B', FOLDER, '--port', '0', ...args], {
    env: { ...process.env, SIGNING_SECRET },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await listening(child);
  const ended = once(child, 'exit');
  const port = Number(new URL(url).port);
  return {
    url,
    port,
    open: async () =>
      createProduct({
        settings: { url, signingSecret: SIGNING_SECRET },
        now: () => new Date(),
        insecureHosts: [new URL(url).host],
      }),
    async pause() {
      child.kill('SIGSTOP');
      await eventually('every thread of examples/python-product stands still', async () => standsStill(child.pid));
    },
    goOn: () => void child.kill('SIGCONT'),
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    async stop() {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const [code] = (await ended) as [number | null];
      return code;
    },
  };
}

/** The signal is only on its way when it has been sent: on Linux, which shows it, a thread may answer meanwhile. */
function standsStill(pid = 0): boolean {
  const threads = `/proc/${pid}/task`;
  if (!existsSync(threads)) return true;
  return readdirSync(threads).every((id) => / T /.test(readFileSync(`${threads}/${id}/stat`, 'utf8')));
}

/** The address in the line that the process prints once it listens. */
async function listening(child: ChildProcess): Promise<string> {
  return await new Promise((resolve, reject) => {
    const fail = (why: string) => {
      child.kill('SIGKILL');
      reject(new Error(`examples/python-product did not start: ${why}`));
    };
    const timer = setTimeout(() => fail(`nothing was heard within ${START_LIMIT_MS} ms`), START_LIMIT_MS);
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      fail(error.code === 'ENOENT' ? 'there is no python3 on PATH; install Python 3.10 or later' : error.message);
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(`it ended with code ${code}`);
    });
    if (child.stdout === null) return fail('it has no output');
    createInterface({ input: child.stdout }).once('line', (line) => {
      clearTimeout(timer);
      const url = /http:\/\/\S+/.exec(line)?.[0];
      if (url === undefined) fail(`it said: ${line}`);
      else resolve(url);
    });
  });
}
