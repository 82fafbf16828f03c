import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { brokenCopy, PROJECT_ROOT } from './tree.js';

/** Where the page's files are, in the sources and in the build: beside the code that serves them. */
const FILES = path.join('simulator', 'page', 'files');

test('the build has the files of the page, and no older ones', (t) => {
  const root = brokenCopy(t, []);
  const built = path.join(root, 'dist', FILES);
  mkdirSync(built, { recursive: true });
  writeFileSync(path.join(built, 'gone.js'), '');
  execFileSync(process.execPath, [path.join(root, 'scripts', 'copy-page.mjs')]);
  const names = readdirSync(path.join(root, FILES));
  assert.deepEqual(readdirSync(built), names);
  for (const name of names) {
    assert.deepEqual(readFileSync(path.join(built, name)), readFileSync(path.join(root, FILES, name)), name);
  }
  assert.match(
    readFileSync(path.join(root, FILES, '..', 'page.ts'), 'utf8'),
    /new URL\('files\/', import\.meta\.url\)/,
  );
});

test('the build copies them after it has compiled', () => {
  const { scripts } = JSON.parse(readFileSync(path.join(PROJECT_ROOT, 'package.json'), 'utf8'));
  assert.match(scripts.build, /tsc -p tsconfig\.build\.json && node scripts\/copy-page\.mjs( |$)/);
});

test('the page asks only for files that are there', () => {
  const names = new Set(readdirSync(path.join(PROJECT_ROOT, FILES)));
  for (const name of names) {
    const text = readFileSync(path.join(PROJECT_ROOT, FILES, name), 'utf8');
    const asked = [...text.matchAll(/(?:from '|<(?:link|script)[^>]* (?:href|src)=")(?:\.\/)?([^'"]+)['"]/g)];
    for (const [, file = ''] of asked) assert.ok(names.has(file), `${name} asks for ${file}`);
  }
});
