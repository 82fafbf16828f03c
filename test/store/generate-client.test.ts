import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { existsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'generate-client-'));
  await mkdir(join(folder, 'scripts'));
  for (const path of ['scripts/generate-client.mjs', 'prisma', 'prisma.config.ts', 'package.json']) {
    await cp(join(root, path), join(folder, path), { recursive: true });
  }
});
after(() => rm(folder, { recursive: true }));

function run(): { status: number | null; output: string } {
  // No proxy leads anywhere: a download would fail.
  const env = { ...process.env, HTTPS_PROXY: 'http://127.0.0.1:9', HTTP_PROXY: 'http://127.0.0.1:9' };
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/generate-client.mjs'], {
    cwd: folder,
    encoding: 'utf8',
    env,
  });
  return { status, output: stdout + stderr };
}

describe('generating the client', () => {
  it('says so and passes where Prisma is not installed', () => {
    assert.deepEqual(run(), {
      status: 0,
      output:
        'Prisma client not generated: the prisma package is not installed. A build that is already in dist/ has its client inside.\n',
    });
  });

  it('is silent, needs no download, and is skipped while nothing changed', async () => {
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    assert.deepEqual(run(), { status: 0, output: '' });
    const client = join(folder, 'store', 'generated', 'client.ts');
    assert.ok(existsSync(client));
    await utimes(client, 1, 1);
    assert.deepEqual(run(), { status: 0, output: '' });
    assert.equal(statSync(client).mtimeMs, 1_000);
  });

  it('fails with the reason when the schema is wrong', async () => {
    await writeFile(join(folder, 'prisma', 'schema.prisma'), 'model Broken {');
    const { status, output } = run();
    assert.equal(status, 1);
    assert.match(output, /could not be generated[\s\S]*schema\.prisma/);
  });
});
