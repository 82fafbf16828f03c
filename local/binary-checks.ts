import { execFile, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { accepts, freePort } from './ports.js';

/** Why the file cannot be run, in a phrase; null when it may be. */
export function missing(path: string): string | null {
  try {
    if (!statSync(path).isFile()) return 'that is not a file';
    accessSync(path, constants.X_OK);
    return null;
  } catch {
    return existsSync(path) ? 'it may not be executed' : 'there is no such file';
  }
}

/** Runs `--version`, which proves that the program is for this machine and may be executed here. */
export function cliVersion(path: string): Promise<{ version: [number, number]; problem: string | null }> {
  return new Promise((resolve) => {
    execFile(path, ['--version'], { timeout: 20_000, windowsHide: true }, (error, stdout) => {
      const match = /temporal version (\d+)\.(\d+)/.exec(stdout);
      if (match !== null) resolve({ version: [Number(match[1]), Number(match[2])], problem: null });
      else
        resolve({
          version: [0, 0],
          problem:
            error === null ? 'it does not name its version' : `it does not run (${error.message.split('\n')[0]})`,
        });
    });
  });
}

/** The test server has no `--version`: it is started, asked for a connection, and ended. */
export async function serverProblem(path: string): Promise<string | null> {
  const port = await freePort();
  const child = spawn(path, [String(port)], { stdio: 'ignore', windowsHide: true });
  let problem: string | null = 'it does not answer within 20 s';
  const exited = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      problem = error.message;
      resolve();
    });
    child.once('exit', (code) => {
      if (problem !== null) problem = `it ended with code ${code}`;
      resolve();
    });
  });
  const deadline = performance.now() + 20_000;
  while (child.exitCode === null && child.pid !== undefined && performance.now() < deadline) {
    if (await accepts(port)) {
      problem = null;
      break;
    }
    await sleep(50);
  }
  if (child.pid !== undefined) child.kill('SIGKILL');
  await exited;
  return problem;
}
