import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { createLogDestination } from '../../config/log-destination.js';
import { createLogger } from '../../config/logger.js';

const NODE = [process.execPath, '--import', 'tsx', '--input-type=module', '--eval'];
/** The most that a process may take that is meant to end by itself. */
const TIMEOUT_MS = 30_000;

describe('where the log goes', () => {
  let folder: string;
  /** Opened for reading: no write to it succeeds, as on a full disk. */
  let unwritable: number;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'log-destination-'));
    writeFileSync(join(folder, 'unwritable'), '');
    unwritable = openSync(join(folder, 'unwritable'), 'r');
  });
  after(() => {
    closeSync(unwritable);
    rmSync(folder, { recursive: true, force: true });
  });

  describe('that cannot be written', () => {
    it('stops nobody, and is told once', () => {
      const { status, said } = runUnwritable(
        'pipe',
        `log.info('x'); await turn(); log.info('x'); await turn(); log.info('x');`,
      );
      assert.match(said, /^The log cannot be written \(EBADF\): standard output\. Everything else goes on\. [^\n]*\n$/);
      assert.equal(status, 0);
    });

    it('changes not how a process ends, also before the first failure is known', () => {
      assert.equal(runUnwritable('pipe', `log.info('x'); log.info('x'); process.exit(3);`).status, 3);
    });

    it('stops nobody where nobody can be told', () => {
      assert.equal(runUnwritable(unwritable, `log.info('x'); log.info('x'); process.exitCode = 4;`).status, 4);
    });

    function runUnwritable(stderr: 'pipe' | number, logging: string) {
      const [command = '', ...args] = [...NODE, program(logging)];
      const stdio = ['ignore', unwritable, stderr] as const;
      const { status, stderr: said } = spawnSync(command, args, {
        stdio: [...stdio],
        encoding: 'utf8',
        timeout: TIMEOUT_MS,
        killSignal: 'SIGKILL',
      });
      return { status, said };
    }
  });

  it('a file and its folder are made, and hold each line as soon as it is logged', () => {
    const file = join(folder, 'logs', 'service.log');
    const log = createLogger({ level: 'info', destination: createLogDestination(file) });
    log.info('first');
    log.info('second');
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).msg),
      ['first', 'second'],
    );
  });

  it('a line that was cut off stays a line of its own', () => {
    const file = join(folder, 'cut-off.log');
    writeFileSync(file, 'whole\ncut o');
    createLogDestination(file).write('next\n');
    createLogDestination(file).write('one more\n');
    assert.equal(readFileSync(file, 'utf8'), 'whole\ncut o\nnext\none more\n');
  });

  it('lines that found no room are written before the next one that does', () => {
    const file = join(folder, 'full.log');
    // A file may hold 1 MB, 2,048 blocks, as if its disk were full then; emptied, it has room again.
    const logging = `
      for (let n = 0; n < 15; n += 1) line(n, 100_000);
      truncateSync(${JSON.stringify(file)});
      line('after', 0);`;
    const args = ['-c', 'ulimit -f 2048 && exec "$@"', 'sh', ...NODE, program(logging, file)];
    const { status, stderr } = spawnSync('sh', args, { encoding: 'utf8', timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
    const [cutOff, ...lines] = readFileSync(file, 'utf8').split('\n');
    assert.match(cutOff ?? '', /^ +$/, 'the rest of the line that still found some room');
    assert.deepEqual(words(lines), ['11', '12', '13', '14', 'after']);
    assert.match(stderr, /^The log cannot be written \(EFBIG\): [^\n]*full\.log\. [^\n]*\n$/);
    assert.equal(status, 0);
  });

  describe('its reader', () => {
    it('gets in order what was logged while it stood still, up to 4 MB', async () => {
      const { child, logged } = logInProcess(`for (let n = 0; n < 600; n += 1) line(n, 10_000);`);
      await logged;
      const read = await text(child.stdout);
      const got = words(read.split('\n'));
      assert.deepEqual(got, Array.from(got.keys(), String));
      // The pipe and both its ends hold some, beside what is kept.
      assert.ok(read.length > 3_980_000 && read.length < 4_400_000, `${read.length} bytes`);
    });

    it('keeps no process from ending when it stands still', async () => {
      const { child, ended } = logInProcess(`for (let n = 0; n < 600; n += 1) line(n, 10_000); process.exitCode = 5;`);
      const { status, said } = await ended;
      assert.equal(status, 5);
      assert.match(said, /^The log cannot be written \(EAGAIN\): standard output\. Its reader stands still[^\n]*\n$/m);
      child.stdout.destroy();
    });

    it('may go, which is told once', async () => {
      const { child, logged, ended } = logInProcess(
        `log.info('x'); process.stdin.resume(); process.stdin.once('end', () => { log.info('x'); log.info('x'); process.exitCode = 6; });`,
      );
      await logged;
      child.stdout.destroy();
      await once(child.stdout, 'close');
      child.stdin.end();
      const { status, said } = await ended;
      assert.equal(status, 6);
      assert.deepEqual(said.match(/The log cannot be written \(EPIPE\): standard output\. .*/g)?.length, 1);
    });

    /** A process that logs to a pipe which is not read yet. */
    function logInProcess(logging: string) {
      const [command = '', ...args] = [...NODE, program(`${logging}\nprocess.stderr.write('logged\\n');`)];
      const child = spawn(command, args, { stdio: 'pipe', timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
      const logged = once(child.stderr, 'data');
      const ended = Promise.all([once(child, 'exit'), text(child.stderr)]).then(([[status], said]) => ({
        status,
        said,
      }));
      return { child, logged, ended };
    }
  });

  /** What a process runs that logs to standard output, or to a file. */
  function program(logging: string, file?: string): string {
    return `
      import { truncateSync } from 'node:fs';
      import { setImmediate as turn } from 'node:timers/promises';
      const { createLogger } = await import(${JSON.stringify(urlOf('logger'))});
      const { createLogDestination } = await import(${JSON.stringify(urlOf('log-destination'))});
      const destination = createLogDestination(${JSON.stringify(file)});
      const log = createLogger({ level: 'info', destination });
      const line = (word, spaces) => destination.write(word + ' '.repeat(spaces) + '\\n');
      ${logging}`;
  }
});

function urlOf(name: string): string {
  return new URL(`../../config/${name}.ts`, import.meta.url).href;
}

/** What whole lines say, without the spaces that make them long. */
function words(lines: string[]): string[] {
  return lines.map((line) => line.trim()).filter((word) => word !== '');
}
