import { spawn } from 'node:child_process';
import { CannotRun } from './failure.js';

/**
 * Runs a shell command to its end. Its output is not kept: a backend that it leaves running would keep the pipe open.
 * @throws CannotRun when it does not end with 0 in time
 */
export async function runCommand(command: string, limitMs: number): Promise<void> {
  const child = spawn(command, { shell: true, stdio: 'ignore' });
  const ended = await new Promise<string>((resolve) => {
    const timer = setTimeout(() => resolve(`has not ended within ${limitMs / 1000} s`), limitMs);
    timer.unref();
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      resolve(code === 0 ? '' : `ended with ${code ?? signal}`);
    });
  });
  child.unref();
  if (ended === '') return;
  throw new CannotRun(
    `--restart: the command ${ended}. It is to kill the backend with SIGKILL, start it again in the background and end with 0.`,
  );
}
