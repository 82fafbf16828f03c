import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

/** A process of the service whose start never ends, such as one that waits for a server. */
const CHILD = `
  import { runProcess } from './config/run-process.js';
  setInterval(() => {}, 1_000);
  console.log('starting');
  runProcess('', () => new Promise(() => {}));
`;

it('an npm that is ended during the start leaves no process behind', async () => {
  const shell = spawn('sh', ['-c', '"$0" --import tsx --input-type=module -e "$1"; true', process.execPath, CHILD], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { ...process.env, npm_lifecycle_event: 'start:service' },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  try {
    await once(shell.stdout, 'data');
    shell.kill('SIGTERM');
    // The pipe closes with the child, which outlives the shell.
    await once(shell, 'close', { signal: AbortSignal.timeout(20_000) });
    assert.equal(shell.signalCode, 'SIGTERM');
  } finally {
    if (shell.pid !== undefined) killGroup(shell.pid);
  }
});

/** What a failed test leaves running. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}
