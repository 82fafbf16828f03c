import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { PROJECT_ROOT, scratchProject } from './scratch-project.js';

/** Runs the script in a scratch project and gives its exit code and what it printed. */
function complete(root: string): Promise<{ exitCode: number; output: string }> {
  const loader = pathToFileURL(path.join(PROJECT_ROOT, 'node_modules/tsx/dist/loader.mjs')).href;
  const script = path.join(PROJECT_ROOT, 'scripts/complete-lock.ts');
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', loader, script], { cwd: root }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : 1, output: stdout + stderr });
    });
  });
}

it('adds the binaries of other platforms with what their names say', async (t) => {
  const tool = {
    version: '2.0.0',
    integrity: 'sha512-abc',
    dev: true,
    optionalDependencies: {
      '@tool/linux-x64-musl': '2.0.0',
      '@tool/win32-arm64-msvc': '2.0.0',
      '@tool/darwin-x64': '2.0.0',
    },
  };
  const present = { version: '2.0.0', integrity: 'sha512-def', optional: true, os: ['darwin'], cpu: ['x64'] };
  const packages = { '': { name: 'scratch' }, 'node_modules/tool': tool, 'node_modules/@tool/darwin-x64': present };
  const root = scratchProject(t, { 'package-lock.json': JSON.stringify({ lockfileVersion: 3, packages }) });
  const { exitCode, output } = await complete(root);
  assert.equal(exitCode, 0, output);
  assert.match(output, /2 platform packages added/);
  const written = readFileSync(path.join(root, 'package-lock.json'), 'utf8');
  assert.deepEqual(JSON.parse(written), {
    lockfileVersion: 3,
    packages: {
      '': { name: 'scratch' },
      'node_modules/@tool/darwin-x64': present,
      'node_modules/@tool/linux-x64-musl': {
        version: '2.0.0',
        cpu: ['x64'],
        dev: true,
        libc: ['musl'],
        optional: true,
        os: ['linux'],
      },
      'node_modules/@tool/win32-arm64-msvc': {
        version: '2.0.0',
        cpu: ['arm64'],
        dev: true,
        optional: true,
        os: ['win32'],
      },
      'node_modules/tool': tool,
    },
  });
});

it('says which package it cannot place, and writes nothing', async (t) => {
  const tool = { version: '2.0.0', integrity: 'sha512-abc', optionalDependencies: { fsevents: '2.3.3' } };
  const before = JSON.stringify({ packages: { '': {}, 'node_modules/tool': tool } });
  const root = scratchProject(t, { 'package-lock.json': before });
  const { exitCode, output } = await complete(root);
  assert.equal(exitCode, 1);
  assert.match(output, /fsevents@2\.3\.3: its platform cannot be told from its name/);
  assert.equal(readFileSync(path.join(root, 'package-lock.json'), 'utf8'), before);
});
