import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Says when it is told, and ends either way: told at once, or after two seconds. */
const CHILD = `
  import { whenNpmEnds } from './config/npm-parent.js';
  whenNpmEnds(process.env, () => { console.log('told'); process.exit(0); });
  setTimeout(() => { console.log('not told'); process.exit(0); }, 2_000);
  console.log('up');
`;

/** Runs the child below a shell, ends the shell alone, and gives what the child said last. */
async function lastWordAfterShellEnds(env: NodeJS.ProcessEnv): Promise<string> {
  const script = '"$0" --import tsx --input-type=module -e "$1"; true';
  const shell = spawn('sh', ['-c', script, process.execPath, CHILD], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  shell.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (said === 'up\n') shell.kill('SIGTERM');
  });
  // The pipe closes with the child, which outlives the shell.
  await once(shell, 'close');
  return said.trim().split('\n').at(-1) ?? '';
}

it('a process that npm started is told when npm’s shell has gone', async () => {
  assert.equal(await lastWordAfterShellEnds({ ...process.env, npm_lifecycle_event: 'start' }), 'told');
});

it('a process that somebody else started is not', async () => {
  const { npm_lifecycle_event: _, ...env } = process.env;
  assert.equal(await lastWordAfterShellEnds(env), 'not told');
});
