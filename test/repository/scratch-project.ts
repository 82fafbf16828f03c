import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

/** The project's own folder. */
export const PROJECT_ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Files of the project that decide what the checks say. */
const CONFIGURATION = ['biome.json', 'knip.json', 'tsconfig.json', '.gitignore'];

/** A small tree that passes every check of source code; tests add what must be found. */
const HEALTHY: Record<string, string> = {
  'package.json': '{\n  "name": "scratch",\n  "private": true,\n  "type": "module"\n}\n',
  'contracts/ids.ts': 'export function idOf(name: string): string {\n  return name.trim();\n}\n',
  'api/main.ts': "import { idOf } from '../contracts/ids.js';\n\nprocess.stdout.write(idOf('one'));\n",
};

/** What `npm run check` answered. */
export interface CheckAnswer {
  exitCode: number;
  output: string;
}

/**
 * Makes a copy of the project's check configuration around a healthy small tree, in a folder that goes with the test.
 * @param files further files by path, or other contents for the healthy ones
 * @returns the folder's path
 */
export function scratchProject(t: TestContext, files: Record<string, string> = {}): string {
  const root = mkdtempSync(path.join(tmpdir(), 'repository-check-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const name of CONFIGURATION) {
    cpSync(path.join(PROJECT_ROOT, name), path.join(root, name));
  }
  symlinkSync(path.join(PROJECT_ROOT, 'node_modules'), path.join(root, 'node_modules'), 'dir');
  addFiles(root, { ...HEALTHY, ...files });
  return root;
}

/** Writes files into a scratch project, folders included. */
export function addFiles(root: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
}

/** Runs the project's check command, as a process of its own, over a scratch project. */
export function runChecks(root: string, only: string): Promise<CheckAnswer> {
  const program = path.join(PROJECT_ROOT, 'scripts/check-all.ts');
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--import', 'tsx', program, '--root', root, '--only', only],
      { cwd: PROJECT_ROOT },
      (error, stdout, stderr) => {
        resolve({ exitCode: typeof error?.code === 'number' ? error.code : error ? -1 : 0, output: stdout + stderr });
      },
    );
  });
}
