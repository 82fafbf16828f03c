import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

/** The project's own folder. */
export const PROJECT_ROOT = fileURLToPath(new URL('../..', import.meta.url));

const LEFT_OUT = new Set(['.git', '.data', 'node_modules', 'dist', 'test', 'generated']);

/**
 * Copies the project's tree, without what is installed or built, into a folder that goes with the test.
 * @param changes per file, a text that must be in it and what replaces it
 * @returns the folder's path
 */
export function brokenCopy(t: TestContext, changes: { file: string; from: string; to: string }[]): string {
  const root = mkdtempSync(path.join(tmpdir(), 'packaging-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  cpSync(PROJECT_ROOT, root, { recursive: true, filter: (source) => !LEFT_OUT.has(path.basename(source)) });
  symlinkSync(path.join(PROJECT_ROOT, 'node_modules'), path.join(root, 'node_modules'), 'dir');
  for (const { file, from, to } of changes) {
    const place = path.join(root, file);
    const text = readFileSync(place, 'utf8');
    if (!text.includes(from)) {
      throw new Error(`${file} does not hold "${from}": this test breaks nothing`);
    }
    writeFileSync(place, text.replaceAll(from, to));
  }
  return root;
}

/** Names and values of a file of `NAME=value` lines; commented-out settings (`# NAME=…`) count when asked for. */
export function readEnvFile(root: string, file: string, withCommented = false): Map<string, string> {
  const pattern = withCommented ? /^(?:# ?)?([A-Z][A-Z0-9_]*)=(.*)$/ : /^([A-Z][A-Z0-9_]*)=(.*)$/;
  const found = new Map<string, string>();
  for (const line of readFileSync(path.join(root, file), 'utf8').split('\n')) {
    const [, name, value = ''] = pattern.exec(line) ?? [];
    if (name !== undefined) {
      found.set(name, value);
    }
  }
  return found;
}

/**
 * Judges a command that runs inside the image.
 * @returns what is wrong with it, or null: `node dist/a/main.js` needs a/main.ts among what the build compiles
 */
export function judgeCommand(root: string, command: string[]): string | null {
  const [program, script = ''] = command;
  if (program !== 'node') {
    return `the command ${command.join(' ')} does not run node`;
  }
  const source = /^dist\/(.+)\.js$/.exec(script)?.[1];
  if (source === undefined || !existsSync(path.join(root, `${source}.ts`))) {
    return `${script} has no source ${source ?? '(dist/….js expected)'}.ts`;
  }
  const build = JSON.parse(readFileSync(path.join(root, 'tsconfig.build.json'), 'utf8')) as { exclude: string[] };
  const excluded = build.exclude.some((entry) => source === entry || source.startsWith(`${entry}/`));
  return excluded ? `${script} is not compiled: tsconfig.build.json excludes it` : null;
}
