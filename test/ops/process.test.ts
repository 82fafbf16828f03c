import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../local/ports.js';
import { fromRunner, uniqueName } from '../support/temporal.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'appconnect-ops-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function appsFile(...ids: string[]): string {
  const file = join(folder, `${ids.length}.json`);
  writeFileSync(file, JSON.stringify(Object.fromEntries(ids.map((id) => [id, {}]))));
  return file;
}

/** Runs the command as a process of its own, with nothing but these settings. */
async function run(words: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'ops/main.ts', ...words], {
    cwd: root,
    env: { PATH: process.env['PATH'], HOME: folder, TMPDIR: process.env['TMPDIR'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    said.out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said.err += chunk.toString();
  });
  const [code] = await once(child, 'close');
  return { code, ...said };
}

describe('the command for operators, as a process', () => {
  it('explains itself', async () => {
    const all = await run(['--help']);
    assert.equal(all.code, 0);
    assert.equal(all.err, '');
    for (const command of ['decide', 'wake', 'rotate', 'lost'])
      assert.match(all.out, new RegExp(`^ {2}${command} `, 'm'));
    const decide = await run(['decide', '--help']);
    assert.equal(decide.code, 0);
    for (const option of ['account', 'approve', 'reject', 'reason', 'process', 'by', 'app']) {
      assert.match(decide.out, new RegExp(`--${option}\\b`));
    }
  });

  it('ends with 2 when it is not understood', async () => {
    assert.deepEqual(await run(['wake']), { code: 2, out: '', err: '--account is missing. See --help.\n' });
    assert.deepEqual(await run(['wake', '--account', 'a'], { APPS_FILE: appsFile('one', 'two') }), {
      code: 2,
      out: '',
      err: 'Say which app with --app: APPS_FILE names one, two. See --help.\n',
    });
    assert.deepEqual(await run(['wake', '--account', 'a']), {
      code: 2,
      out: '',
      err: 'Say which app with --app, or name the file with its id in APPS_FILE. See --help.\n',
    });
  });

  it('ends with 1 and one sentence when it cannot be done', async () => {
    assert.deepEqual(
      await run(['wake', '--account', 'a'], { TEMPORAL_ADDRESS: 'http://x', APPS_FILE: appsFile('one') }),
      {
        code: 1,
        out: '',
        err:
          'The configuration cannot be used:\n' +
          '  TEMPORAL_ADDRESS: must be host:port, without a scheme, for example localhost:7233\n',
      },
    );
    const TEMPORAL_ADDRESS = fromRunner('TEST_TEMPORAL_ADDRESS');
    assert.deepEqual(await run(['wake', '--account', 'a\tb'], { TEMPORAL_ADDRESS, APPS_FILE: appsFile('one') }), {
      code: 1,
      out: '',
      err: 'Nothing of account a b (app one) is under way now, so there is nothing to wake.\n',
    });
    const decide = ['decide', '--account', 'a', '--app', 'other', '--approve'];
    assert.deepEqual(await run(decide, { TEMPORAL_ADDRESS }), {
      code: 1,
      out: '',
      err: 'Nothing of account a (app other) is under way now, so there is nothing to decide.\n',
    });
    assert.deepEqual(await run(decide, { TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE: 'nowhere' }), {
      code: 1,
      out: '',
      err: 'Temporal has no namespace "nowhere": check TEMPORAL_NAMESPACE.\n',
    });
  });

  it('ends with 1 when there is nothing to compare with', async () => {
    const lost = ['lost', '--since', new Date().toISOString()];
    const settings = {
      TEMPORAL_ADDRESS: fromRunner('TEST_TEMPORAL_ADDRESS'),
      TEMPORAL_TASK_QUEUE: uniqueName('nobody'),
      DATABASE_URL: `postgresql://nobody@127.0.0.1:${await freePort()}/nothing`,
    };
    assert.deepEqual(await run(lost, settings), {
      code: 1,
      out: '',
      err: 'The database cannot be read (ECONNREFUSED): check DATABASE_URL.\n',
    });
    assert.deepEqual(await run(lost, { ...settings, TEMPORAL_NAMESPACE: 'nowhere' }), {
      code: 1,
      out: '',
      err: 'Temporal has no namespace "nowhere": check TEMPORAL_NAMESPACE.\n',
    });
  });

  it('does not wait for ever for a Temporal that is away', async () => {
    const TEMPORAL_ADDRESS = `127.0.0.1:${await freePort()}`;
    const startedMs = performance.now();
    const { code, err } = await run(['rotate', '--installation', 'i'], { TEMPORAL_ADDRESS });
    assert.equal(code, 1);
    assert.match(err, /^Temporal (cannot be reached|did not answer within 15 s): check TEMPORAL_ADDRESS.*\n$/);
    assert.ok(performance.now() - startedMs < 20_000);
  });
});
