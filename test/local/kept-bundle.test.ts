import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildWorkflowBundle } from '../../worker/build-bundle.js';
import { keptWorkflowBundle } from '../../worker/kept-bundle.js';
import { scratchDir } from './scratch.js';

const LONG_AGO = new Date('2026-01-01T00:00:00Z');

/** A bundle made of one file, with a number of its own each time it is built. */
function bundleOfOneFile(t: TestContext) {
  const dir = scratchDir(t);
  const [source, shadow] = [join(dir, 'workflow.ts'), join(dir, 'workflow.tsx')];
  const file = join(dir, 'kept', 'workflow-bundle');
  const write = (text: string, at = LONG_AGO) => {
    writeFileSync(source, text);
    utimesSync(source, at, at);
  };
  write('first');
  let built = 0;
  const build = async () => {
    built += 1;
    return { code: `bundle ${built}`, read: [source, dir, join(dir, 'made-up-entry')], absent: [shadow] };
  };
  const start = async () => (await keptWorkflowBundle(file, build)).code;
  return { file, source, shadow, write, start };
}

test('the bundle of unchanged files is built once and kept', async (t) => {
  const { start } = bundleOfOneFile(t);
  assert.equal(await start(), 'bundle 1');
  assert.equal(await start(), 'bundle 1');
});

test('a changed file, a missing one, and one that would be taken instead each have it built anew', async (t) => {
  const { start, source, shadow, write } = bundleOfOneFile(t);
  await start();
  write('other');
  assert.equal(await start(), 'bundle 2', 'the same length and time, other content');
  assert.equal(await start(), 'bundle 2');
  writeFileSync(shadow, '');
  assert.equal(await start(), 'bundle 3');
  rmSync(shadow);
  rmSync(source);
  assert.equal(await start(), 'bundle 4');
});

test('what was saved while the bundle was built is not taken for what is in it', async (t) => {
  const { start, write } = bundleOfOneFile(t);
  write('saved meanwhile', new Date('2100-01-01T00:00:00Z'));
  assert.equal(await start(), 'bundle 1');
  assert.equal(await start(), 'bundle 2');
});

test('a damaged, cut or foreign file is not run, and replaced by a whole one', async (t) => {
  const { file, start } = bundleOfOneFile(t);
  await start();
  const whole = readFileSync(file, 'utf8');
  const damages = [whole.replace('bundle 1', 'bundle X'), whole.slice(0, -10), '', 'bundle Y', '{}\n{}'];
  for (const [index, damage] of damages.entries()) {
    writeFileSync(file, damage);
    assert.equal(await start(), `bundle ${index + 2}`);
    assert.equal(await start(), `bundle ${index + 2}`);
  }
});

test('where nothing can be kept, a start builds its bundle all the same', async (t) => {
  const { file, start } = bundleOfOneFile(t);
  mkdirSync(join(file, 'in the way'), { recursive: true });
  assert.equal(await start(), 'bundle 1');
  assert.equal(await start(), 'bundle 2');
});

test('a real bundle names the files that it is made of: workflows, contracts, the SDK', async () => {
  const { code, read, absent } = await buildWorkflowBundle();
  const own = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
  for (const path of [
    'workflows/index.ts',
    'workflows/steps.ts',
    'workflows/stack-depth.ts',
    'contracts/messages.ts',
  ]) {
    assert.ok(read.includes(own(path)), path);
  }
  assert.ok(read.some((path) => path.endsWith(join('@temporalio', 'workflow', 'lib', 'worker-interface.js'))));
  assert.ok(absent.includes(own('workflows/stack-depth')), 'a file of that name would be taken before the .ts');
  assert.deepEqual(absent.filter(existsSync), []);
  assert.match(code, /__TEMPORAL__/);
});
