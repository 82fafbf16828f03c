import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LocalError } from '../../local/local-error.js';
import type { ProgramSource } from '../../local/program-cache.js';
import { ensureBrowser } from '../support/browser-binary.js';
import { scratchDir } from './scratch.js';

const PLATFORM = `${process.platform}-${process.arch}`;

/** A program that names its version like a browser. */
function fakeBrowser(path: string, script = 'echo "Chromium 159.0.8154.6 built on Debian"'): string {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** A source that counts, and brings a browser that runs with the file beside it only, or fails. */
function fakeSource(version: string, failure?: Error): ProgramSource<'chromium'> & { calls: number } {
  const source = {
    what: `the ${version} shop`,
    entry: 'chromium',
    calls: 0,
    versionOf: () => version,
    async fetch(_name: string, dir: string) {
      source.calls += 1;
      if (failure !== undefined) throw failure;
      writeFileSync(join(dir, 'package.tgz'), '');
      const path = fakeBrowser(join(dir, 'browser', 'chromium'), 'cat "$(dirname "$0")/library"');
      writeFileSync(join(dir, 'browser', 'library'), 'Chromium 159.0.8154.6\n');
      return path;
    },
  };
  return source;
}

test("the machine's browser is taken first; one that does not run is passed over, with a line", async (t) => {
  const dir = scratchDir(t);
  const stub = fakeBrowser(join(dir, 'stub', 'chromium-browser'), 'echo "Command needs the snap" >&2; exit 1');
  const good = fakeBrowser(join(dir, 'good', 'google-chrome'), 'echo "Google Chrome 158.0.8100.2"');
  const said: string[] = [];
  const found = await ensureBrowser({
    env: {},
    say: (line) => said.push(line),
    cacheDir: join(dir, 'cache'),
    places: [join(dir, 'nowhere', 'chromium'), stub, good],
    sources: [fakeSource('9', new Error('must not be asked'))],
  });
  assert.equal(found, good);
  assert.equal(said.length, 1);
  assert.match(said[0] as string, /chromium-browser is passed over: it does not run \(.*Command needs the snap\)\.$/);
});

test('a fetched browser is kept with the files that it needs, and fetched once', async (t) => {
  const cacheDir = join(scratchDir(t), 'cache');
  const none = fakeSource('8', new Error('no way there'));
  const source = fakeSource('9');
  const said: string[] = [];
  const options = { env: {}, cacheDir, places: [], sources: [none, source], say: (line: string) => said.push(line) };
  const expected = join(cacheDir, `chromium-9-${PLATFORM}`, 'chromium');
  assert.equal(await ensureBrowser(options), expected);
  assert.deepEqual(readdirSync(cacheDir), [`chromium-9-${PLATFORM}`], 'nothing unfinished, no lock');
  assert.deepEqual(readdirSync(join(cacheDir, `chromium-9-${PLATFORM}`)).sort(), ['chromium', 'library']);
  assert.ok(said.includes('  no luck with the 8 shop: no way there'));
  assert.equal(await ensureBrowser(options), expected);
  assert.deepEqual([none.calls, source.calls], [1, 1]);
});

test('a browser in the cache that has lost a file is fetched again', async (t) => {
  const cacheDir = join(scratchDir(t), 'cache');
  fakeBrowser(join(cacheDir, `chromium-9-${PLATFORM}`, 'chromium'), 'cat "$(dirname "$0")/library"');
  const source = fakeSource('9');
  await ensureBrowser({ env: {}, cacheDir, places: [], sources: [source], say: () => undefined });
  assert.equal(source.calls, 1);
  assert.deepEqual(readdirSync(join(cacheDir, `chromium-9-${PLATFORM}`)).sort(), ['chromium', 'library']);
});

test('a machine without a browser, where none can be fetched, is told what to install', async (t) => {
  const cacheDir = join(scratchDir(t), 'cache');
  const sources = [fakeSource('8', new Error('no name server')), fakeSource('9', new Error('no npm'))];
  await assert.rejects(ensureBrowser({ env: {}, cacheDir, places: [], sources, say: () => undefined }), (error) => {
    assert.ok(error instanceof LocalError);
    for (const way of ['install Chromium (apt-get install chromium)', 'cdn.playwright.dev', '@sparticuz/chromium']) {
      assert.ok(error.message.includes(way), way);
    }
    assert.match(error.message, /tried the 8 shop: no name server\n {2}tried the 9 shop: no npm/);
    return true;
  });
});
