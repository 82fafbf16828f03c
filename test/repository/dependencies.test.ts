import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { checkDependencyList, checkLockFile, checkSingleProtobuf } from '../../scripts/check-dependencies.js';
import { addFiles, PROJECT_ROOT, scratchProject } from './scratch-project.js';

const MANIFEST = '{ "dependencies": { "left": "^1.0.0" }, "devDependencies": { "right": "^2.0.0" } }\n';

const LIST = `# Dependencies

## At run time

| package | what for | what instead | licence | last release |
| --- | --- | --- | --- | --- |
| \`left\` | going left | our own | MIT | 2026-01-31 |

## For development

| package | what for | what instead | licence | last release |
| --- | --- | --- | --- | --- |
| \`right\` | going right | nothing | ISC | 2025-12-01 |
`;

/** A scratch project with two packages "installed", each with the licence given. */
function withPackages(t: TestContext, list: string, manifest = MANIFEST): string {
  const root = scratchProject(t, { 'package.json': manifest, 'docs/dependencies.md': list });
  rmSync(path.join(root, 'node_modules'));
  addFiles(root, {
    'node_modules/left/package.json': '{ "license": "MIT" }',
    'node_modules/right/package.json': '{ "license": "ISC" }',
  });
  return root;
}

describe('the list of dependencies', () => {
  it('holds when every package has its row', (t) => {
    assert.deepEqual(checkDependencyList(withPackages(t, LIST)), []);
  });

  const broken: [name: string, list: string, says: string][] = [
    ['a missing row', LIST.replace(/\| `left`.*\n/, ''), 'left has no row under "## At run time"'],
    ['a row of a package that went', `${LIST}| \`gone\` | a | b | MIT | 2026-01-01 |\n`, 'gone is listed under'],
    ['a row in the wrong section', LIST.replace('`right`', '`left`'), 'right has no row under "## For development"'],
    ['an empty column', LIST.replace('going left', ''), 'left: needs five filled columns'],
    ['another licence than the package states', LIST.replace('ISC', 'MIT'), 'right: the licence is "ISC", not "MIT"'],
    ['a date in words', LIST.replace('2025-12-01', 'last year'), 'right: "last year" is not a date'],
  ];
  for (const [name, list, says] of broken) {
    it(`finds ${name}`, (t) => {
      const problems = checkDependencyList(withPackages(t, list)).join('\n');
      assert.ok(problems.includes(says), problems);
    });
  }

  it('is missed when it is not there', (t) => {
    const root = withPackages(t, LIST);
    rmSync(path.join(root, 'docs'), { recursive: true });
    assert.deepEqual(checkDependencyList(root), ['docs/dependencies.md is missing']);
  });
});

describe('the lock file', () => {
  const lock = (entry: object): string =>
    JSON.stringify({ packages: { '': {}, 'node_modules/left': entry } }, null, 2).concat('\n');

  it('holds without addresses', (t) => {
    const root = scratchProject(t, { 'package-lock.json': lock({ version: '1.0.0', integrity: 'sha512-abc' }) });
    assert.deepEqual(checkLockFile(root), []);
  });

  it('is refused with the address of a registry', (t) => {
    const resolved = 'https://registry.invalid/left.tgz';
    const root = scratchProject(t, { 'package-lock.json': lock({ resolved, integrity: 'sha512-abc' }) });
    assert.match(checkLockFile(root).join('\n'), /^package-lock\.json:5 {2}holds an address/);
  });

  it('is refused with an entry without a checksum', (t) => {
    const root = scratchProject(t, { 'package-lock.json': lock({ version: '1.0.0' }) });
    assert.deepEqual(checkLockFile(root), ['package-lock.json: node_modules/left has no checksum']);
  });

  const tool = { version: '1.0.0', integrity: 'sha512-abc', optionalDependencies: { '@left/win32-x64': '1.0.0' } };
  const binary = { version: '1.0.0', optional: true, os: ['win32'], cpu: ['x64'] };

  it('is refused without the binaries of other platforms', (t) => {
    const root = scratchProject(t, { 'package-lock.json': lock(tool) });
    assert.match(checkLockFile(root).join('\n'), /^package-lock\.json: @left\/win32-x64@1\.0\.0 is left out/);
  });

  for (const place of ['node_modules/@left/win32-x64', 'node_modules/left/node_modules/@left/win32-x64']) {
    it(`holds with such a binary at ${place}, even without its checksum`, (t) => {
      const packages = { '': {}, 'node_modules/left': tool, [place]: binary };
      const root = scratchProject(t, { 'package-lock.json': JSON.stringify({ packages }) });
      assert.deepEqual(checkLockFile(root), []);
    });
  }
});

describe('protobufjs', () => {
  it('is in this project once', () => {
    assert.deepEqual(checkSingleProtobuf(PROJECT_ROOT), []);
  });

  it('is found twice when another package brings its own', (t) => {
    const packages = { 'node_modules/protobufjs': {}, 'node_modules/@grpc/loader/node_modules/protobufjs': {} };
    const root = scratchProject(t, { 'package-lock.json': JSON.stringify({ packages }) });
    rmSync(path.join(root, 'node_modules'));
    for (const place of Object.keys(packages)) {
      mkdirSync(path.join(root, place), { recursive: true });
      writeFileSync(path.join(root, place, 'package.json'), '{}');
    }
    assert.deepEqual(checkSingleProtobuf(root).sort(), [
      'node_modules holds 2 copies of protobufjs: node_modules/@grpc/loader/node_modules/protobufjs, node_modules/protobufjs',
      'package-lock.json holds 2 copies of protobufjs: node_modules/protobufjs, node_modules/@grpc/loader/node_modules/protobufjs',
    ]);
  });
});
