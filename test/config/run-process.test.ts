import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { endsWithNpm } from '../support/npm-shell.js';

/** A process of the service whose start never ends, such as one that waits for a server. */
const CHILD = `
  import { runProcess } from './config/run-process.js';
  setInterval(() => {}, 1_000);
  runProcess('', () => new Promise(() => {}));
  console.log('starting');
`;

for (const script of ['api/main.ts', 'worker/main.ts', 'service/main.ts', 'prisma/migrate.ts']) {
  it(`${script} does nothing for an argument that it does not know`, async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', script, '--dry-run'], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      // Nothing listens there: a command that goes on says so instead.
      env: { ...process.env, DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    const [code] = await once(child, 'close', { signal: AbortSignal.timeout(60_000) });
    assert.equal(code, 1);
    assert.match(said, /^--dry-run is not known here\.\n/);
  });
}

it('an npm that is ended during the start leaves no process behind', async () => {
  await endsWithNpm(['--input-type=module', '-e', CHILD], { npm_lifecycle_event: 'start:service' });
});
