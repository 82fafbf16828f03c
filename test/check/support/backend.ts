import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The backend of examples/wrong-backends as a process that is started again whenever it is killed. */
export interface Backend {
  webhook: string;
  /** Kills it with SIGKILL; it is started again by itself. */
  killCommand: string;
  stop(): Promise<void>;
}

/**
 * Starts it on a free port, which it keeps, with a file of its own.
 * @param options.origins gateways and token services that it may call
 * @param options.defect what it does wrong; left out: nothing
 * @throws Error with its last words when it ends before it listens
 */
export async function startBackend(options: {
  origins: string[];
  windowSeconds: number;
  defect?: string | undefined;
}): Promise<Backend> {
  const folder = mkdtempSync(join(tmpdir(), 'wrong-backend-'));
  const pidFile = join(folder, 'pid');
  const words = [
    ...['--file', join(folder, 'state.jsonl'), '--pid-file', pidFile],
    ...['--window-seconds', String(options.windowSeconds)],
    ...options.origins.flatMap((origin) => ['--origin', origin]),
    ...(options.defect === undefined ? [] : ['--defect', options.defect]),
  ];
  let stopped = false;
  let child = spawnBackend(['--port', '0', ...words]);
  const url = await listening(child);
  const { port } = new URL(url);

  async function supervise(): Promise<void> {
    while (!stopped) {
      await once(child, 'exit');
      if (!stopped) child = spawnBackend(['--port', port, ...words]);
    }
  }
  const supervised = supervise();

  return {
    webhook: `${url}/webhook`,
    killCommand: `kill -9 $(cat "${pidFile}")`,
    async stop() {
      stopped = true;
      child.kill('SIGKILL');
      await supervised;
      rmSync(folder, { recursive: true });
    },
  };
}

/** What `main.ts --defect NAME` answers when there is no such defect. */
export async function refusalOf(defect: string): Promise<{ code: number | null; stderr: string }> {
  const child = spawnBackend(['--defect', defect]);
  const [[code], stderr] = await Promise.all([once(child, 'exit') as Promise<[number | null]>, wordsOf(child)]);
  return { code, stderr };
}

function spawnBackend(words: string[]): ChildProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/wrong-backends/main.ts', ...words], {
    cwd: fileURLToPath(new URL('../../../', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  // A pipe that nobody empties would hold it up.
  child.stdout?.resume();
  child.stderr?.resume();
  return child;
}

async function listening(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  return new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      const url = /^wrong-backends listens on (\S+)$/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
    void wordsOf(child).then((words) => reject(new Error(`The backend ended before it listened: ${words}`)));
  });
}

/** All that it writes to stderr until it ends. */
async function wordsOf(child: ChildProcess): Promise<string> {
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await once(child, 'close');
  return text;
}
