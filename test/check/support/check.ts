import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** `simulator check` under way. */
export interface RunningCheck {
  child: ChildProcess;
  /** What it has said so far of its progress. */
  progress(): string;
  ended: Promise<Ended>;
}

/** Starts `simulator check` with these words. */
export function startCheck(words: string[]): RunningCheck {
  const child = spawn(process.execPath, ['--import', 'tsx', 'simulator/main.ts', 'check', ...words], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    said.stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said.stderr += chunk.toString();
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...said }));
  return { child, progress: () => said.stderr, ended };
}

/** Runs `simulator check` with these words to its end. */
export async function runCheck(words: string[]): Promise<Ended> {
  return await startCheck(words).ended;
}

/** A backend that answers every delivery with one status and does nothing. */
export async function startIdleBackend(status: number): Promise<{ webhook: string; stop(): void }> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { webhook: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`, stop };
}
