import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runChecks, scratchProject } from './scratch-project.js';

/** One violation each: the check that must find it, the file that holds it and the words that must be said about it. */
const VIOLATIONS: { name: string; check: string; files: Record<string, string>; says: RegExp }[] = [
  {
    name: 'a file that is not formatted',
    check: 'format',
    files: { 'contracts/loose.ts': 'export const  limit = "2" ' },
    says: /contracts\/loose\.ts format/,
  },
  {
    name: 'a floating promise',
    check: 'lint',
    files: {
      'contracts/floating.ts':
        'async function send(): Promise<void> {}\n\nexport function go(): void {\n  send();\n}\n',
    },
    says: /contracts\/floating\.ts:4:3 lint\/nursery\/noFloatingPromises/,
  },
  {
    name: 'a promise where a condition belongs',
    check: 'lint',
    files: {
      'contracts/misused.ts':
        'async function ask(): Promise<boolean> {\n  return true;\n}\n\nexport function go(): string {\n  return ask() ? "a" : "b";\n}\n',
    },
    says: /contracts\/misused\.ts:6:10 lint\/nursery\/noMisusedPromises/,
  },
  {
    name: 'console in service code',
    check: 'lint',
    files: { 'worker/loud.ts': "console.log('here');\n" },
    says: /worker\/loud\.ts:1:1 lint\/suspicious\/noConsole/,
  },
  {
    name: 'a type imported as a value',
    check: 'lint',
    files: {
      'contracts/shape.ts': 'export interface Shape {\n  side: number;\n}\n',
      'contracts/area.ts':
        "import { Shape } from './shape.js';\n\nexport function area(shape: Shape): number {\n  return shape.side ** 2;\n}\n",
    },
    says: /contracts\/area\.ts:1:\d+ lint\/style\/useImportType/,
  },
  {
    name: 'an unused variable',
    check: 'lint',
    files: { 'contracts/unused.ts': 'export function one(): number {\n  const two = 2;\n  return 1;\n}\n' },
    says: /contracts\/unused\.ts:2:9 lint\/correctness\/noUnusedVariables/,
  },
  {
    name: 'an enum',
    check: 'lint',
    files: { 'contracts/colour.ts': 'export enum Colour {\n  red,\n}\n' },
    says: /contracts\/colour\.ts:1:8 lint\/style\/noEnum/,
  },
  {
    name: 'a skipped test',
    check: 'lint',
    files: {
      'test/api/skipped.test.ts': "import { it } from 'node:test';\n\nit.skip('waits', () => undefined);\n",
    },
    says: /test\/api\/skipped\.test\.ts:3:4 lint\/suspicious\/noSkippedTests/,
  },
  {
    name: 'an import cycle',
    check: 'cycles',
    files: {
      'contracts/hen.ts': "import { egg } from './egg.js';\n\nexport const hen = (): string => egg();\n",
      'contracts/egg.ts': "import { hen } from './hen.js';\n\nexport const egg = (): string => hen();\n",
    },
    says: /contracts\/egg\.ts:1:21 lint\/suspicious\/noImportCycles/,
  },
  {
    name: 'an import that the table forbids',
    check: 'imports',
    files: { 'contracts/far.ts': "export { main } from '../api/main.js';\n" },
    says: /contracts\/far\.ts:1 {2}imports api\/main: contracts\/ may import own files only/,
  },
  {
    name: 'an export that nothing uses',
    check: 'exports',
    files: {
      'contracts/ids.ts':
        'export function idOf(name: string): string {\n  return name.trim();\n}\n\nexport const forgotten = 1;\n',
    },
    says: /forgotten\s+contracts\/ids\.ts:5:14/,
  },
  {
    name: 'an exported type that nothing uses',
    check: 'exports',
    files: {
      'contracts/ids.ts':
        'export interface Forgotten {\n  id: string;\n}\n\nexport function idOf(name: string): string {\n  return name.trim();\n}\n',
    },
    says: /Forgotten\s+interface\s+contracts\/ids\.ts:1:18/,
  },
  {
    name: 'a file that nothing uses',
    check: 'exports',
    files: { 'contracts/lonely.ts': 'export const lonely = 1;\n' },
    says: /Unused files \(1\)\s+contracts\/lonely\.ts/,
  },
  {
    name: 'a package that package.json does not name',
    check: 'exports',
    files: {
      'api/main.ts':
        "import { z } from 'zod';\nimport { idOf } from '../contracts/ids.js';\n\nprocess.stdout.write(idOf(String(z)));\n",
    },
    says: /Unlisted dependencies \(1\)\s+zod\s+api\/main\.ts/,
  },
  {
    name: 'a type error',
    check: 'types',
    files: { 'contracts/wrong.ts': "export const days: number = 'seven';\n" },
    says: /contracts\/wrong\.ts\(1,14\): error TS2322/,
  },
];

describe('npm run check', { concurrency: 2 }, () => {
  it('passes a healthy tree', async (t) => {
    const { exitCode, output } = await runChecks(scratchProject(t), 'types,format,lint,cycles,imports,exports');
    assert.equal(exitCode, 0, output);
    assert.match(output, /6 of 6 checks hold/);
  });

  for (const violation of VIOLATIONS) {
    it(`finds ${violation.name}`, async (t) => {
      const { exitCode, output } = await runChecks(scratchProject(t, violation.files), violation.check);
      assert.equal(exitCode, 1, output);
      assert.match(output, new RegExp(`^FAIL {2}${violation.check} `, 'm'));
      assert.match(output, violation.says);
      assert.match(output, /^0 of 1 checks hold/m);
    });
  }

  it('shows every failure, not only the first', async (t) => {
    const root = scratchProject(t, {
      'contracts/a.ts': "export const a: number = 'one';\n",
      'contracts/b.ts': "export const b: number = 'two';\n",
      'contracts/far.ts': "export { main } from '../api/main.js';\n",
    });
    const { exitCode, output } = await runChecks(root, 'imports,types');
    assert.equal(exitCode, 1);
    for (const said of [/contracts\/a\.ts\(1,14\)/, /contracts\/b\.ts\(1,14\)/, /contracts\/far\.ts:1 /]) {
      assert.match(output, said);
    }
  });

  it('refuses the name of a check that does not exist', async (t) => {
    const { exitCode, output } = await runChecks(scratchProject(t), 'spelling');
    assert.equal(exitCode, 2);
    assert.match(output, /No check is called spelling\. There are: types, format, /);
  });
});
