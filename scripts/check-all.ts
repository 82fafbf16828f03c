import { spawn } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { checkDependencyList, checkLockFile, checkSingleProtobuf } from './check-dependencies.js';
import { checkImportTable } from './check-import-table.js';

/** One static check: gives what it found wrong as text, or an empty string. */
interface Check {
  name: string;
  run: (root: string) => Promise<string>;
}

const HELP = `Usage: npm run check [-- --only NAME[,NAME]] [--root FOLDER]

Runs every static check and prints one line for each, then what the failed ones found.
Exit code 0 when all hold, 1 when one does not, 2 for a wrong argument.
`;

/** Two at a time: enough for the smallest machine this runs on. */
const CONCURRENCY = 2;

const CHECKS: Check[] = [
  { name: 'types', run: tool('typescript/bin/tsc', ['-p', '.', '--pretty', 'false']) },
  { name: 'format', run: biome('format', []) },
  { name: 'lint', run: biome('lint', ['--error-on-warnings', '--skip=suspicious/noImportCycles']) },
  { name: 'cycles', run: biome('lint', ['--only=suspicious/noImportCycles']) },
  { name: 'imports', run: own(checkImportTable) },
  { name: 'exports', run: tool('knip/bin/knip.js', ['--no-progress', '--no-config-hints']) },
  { name: 'dependencies', run: own(checkDependencyList) },
  { name: 'lock-file', run: own(checkLockFile) },
  { name: 'protobufjs', run: own(checkSingleProtobuf) },
];

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { only: { type: 'string' }, root: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  const root = path.resolve(values.root ?? process.cwd());
  const names = values.only?.split(',') ?? CHECKS.map((check) => check.name);
  const unknown = names.find((name) => !CHECKS.some((check) => check.name === name));
  if (unknown !== undefined) {
    process.stderr.write(`No check is called ${unknown}. There are: ${CHECKS.map((check) => check.name).join(', ')}\n`);
    return 2;
  }
  const queue = CHECKS.filter((check) => names.includes(check.name));
  const failures: string[] = [];
  const startedAll = performance.now();
  const work = async (): Promise<void> => {
    for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
      const started = performance.now();
      const found = await check.run(root);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      process.stdout.write(`${found === '' ? 'ok  ' : 'FAIL'}  ${check.name.padEnd(14)}${seconds} s\n`);
      if (found !== '') {
        failures.push(`\n== ${check.name}\n${found}\n`);
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  process.stdout.write(failures.join(''));
  const total = ((performance.now() - startedAll) / 1000).toFixed(1);
  process.stdout.write(`${names.length - failures.length} of ${names.length} checks hold, ${total} s\n`);
  return failures.length === 0 ? 0 : 1;
}

/** A check of our own: lines about what is wrong; a file that cannot be read or parsed is a finding, not a crash. */
function own(check: (root: string) => string[]): Check['run'] {
  return async (root) => {
    try {
      return check(root).join('\n');
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
}

/** A Node program out of the project's own node_modules; its exit code decides, its output is shown whole. */
function tool(program: string, args: string[]): Check['run'] {
  return (root) =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [path.join(root, 'node_modules', program), ...args], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
      });
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
      child.on('error', reject);
      child.on('close', (code, signal) => {
        resolve(code === 0 ? '' : `${output.trim()}\n(${program} ended with ${signal ?? `exit code ${code}`})`);
      });
    });
}

function biome(command: string, args: string[]): Check['run'] {
  return tool('@biomejs/biome/bin/biome', [command, '--colors=off', '--max-diagnostics=none', ...args]);
}

process.exitCode = await main();
