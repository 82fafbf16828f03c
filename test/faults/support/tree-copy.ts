import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromRunner } from '../../support/temporal.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const REPORTER = new URL('verdict-reporter.mjs', import.meta.url).href;
/** What is made from the rest, or kept beside it. */
const LEFT_OUT = new Set(['.git', '.data', '.faults', 'dist', 'node_modules']);
/** Longest time of one file there: a broken build may well hang. */
const FILE_LIMIT_MS = 240_000;

/** A change of one file: a text that occurs there exactly once, and what stands there instead. */
export interface Edit {
  file: string;
  find: string;
  replace: string;
}

/** A test by its file and its exact name. */
export interface NamedTest {
  file: string;
  name: string;
}

/** How one test ended that was run. */
export interface TestVerdict {
  name: string;
  passed: boolean;
  /** Why it failed, in full; empty where it passed. */
  failure: string;
}

/** The whole project in a folder of its own, over the same packages. Nothing imports it but what is run there. */
export interface TreeCopy {
  /** Applies changes. Throws when a text to be replaced is not there exactly once: the change has gone stale. */
  edit(edits: readonly Edit[]): Promise<void>;
  /** Runs the tests there, with the servers of this run, and gives how each of them ended. */
  run(tests: readonly NamedTest[]): Promise<TestVerdict[]>;
  /** What the type checker says there; empty when it is content. */
  typeErrors(): Promise<string>;
  remove(): Promise<void>;
}

/** Makes a copy. */
export async function copyTree(): Promise<TreeCopy> {
  const folder = await mkdtemp(join(tmpdir(), 'appconnect-copy-'));
  const kept = (source: string) => !LEFT_OUT.has(source.slice(ROOT.length));
  await cp(ROOT, folder, { recursive: true, filter: kept });
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir');

  /** Gives everything that the program wrote, however it ended. */
  async function node(args: string[]): Promise<string> {
    // Node's own mark would make it report to the runner of this file.
    const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
    const child = spawn(process.execPath, args, {
      cwd: folder,
      env: { ...inherited, WORKFLOW_BUNDLE: fromRunner('TEST_WORKFLOW_BUNDLE') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const chunks: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', () => resolve(Buffer.concat(chunks).toString('utf8')));
    });
  }

  return {
    async edit(edits) {
      for (const { file, find, replace } of edits) {
        if (/^(contracts|workflows)\//.test(file))
          throw new Error(`${file} is in the workflow bundle, which is not made anew.`);
        const path = join(folder, file);
        const parts = (await readFile(path, 'utf8')).split(find);
        if (parts.length !== 2) throw new Error(`${file} has this ${parts.length - 1} times, not once: ${find}`);
        await writeFile(path, parts.join(replace));
      }
    },
    async run(tests) {
      const verdicts = join(folder, 'verdicts.jsonl');
      const output = await node([
        ...['--import', 'tsx', '--test', '--test-concurrency=1', `--test-timeout=${FILE_LIMIT_MS}`],
        ...[`--test-reporter=${REPORTER}`, `--test-reporter-destination=${verdicts}`],
        ...tests.map(({ name }) => `--test-name-pattern=${patternOf(name)}`),
        ...new Set(tests.map(({ file }) => file)),
      ]);
      const lines = (await readFile(verdicts, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
      if (lines.length === 0) throw new Error(`No test was run: ${output.slice(-2_000)}`);
      return lines.map((line) => JSON.parse(line) as TestVerdict);
    },
    async typeErrors() {
      return await node(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Matches a name at its end: some versions of Node put the names of its suites before it. */
function patternOf(name: string): string {
  return `${name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;
}
