import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ENDS_WITHIN_MS = 60_000;

/**
 * Starts a process of this project as `npm run` does, ends npm's shell once the process has printed something, and wants the process to
 * end by itself.
 *
 * @param args of Node, behind the loader
 */
export async function endsWithNpm(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  // A command behind it keeps the shell from becoming the process itself.
  const shell = spawn('sh', ['-c', '"$0" --import tsx "$@"; true', process.execPath, ...args], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  try {
    await once(shell.stdout, 'data');
    shell.kill('SIGTERM');
    // The pipe closes with the process, which outlives the shell.
    await once(shell, 'close', { signal: AbortSignal.timeout(ENDS_WITHIN_MS) });
    assert.equal(shell.signalCode, 'SIGTERM');
  } finally {
    if (shell.pid !== undefined) killGroup(shell.pid);
  }
}

/** What a failed test leaves running. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}
