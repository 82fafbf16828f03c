import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createLogDestination } from '../../config/log-destination.js';
import { createLogger } from '../../config/logger.js';

const LOGGER = new URL('../../config/logger.ts', import.meta.url).href;

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

  /** A process that logs three times, waits for each write to have failed, and ends: by itself, or as told. */
  function logInProcess(stderr: 'pipe' | number, end = '') {
    const done = join(folder, 'done');
    rmSync(done, { force: true });
    const program = `
      import { writeFileSync } from 'node:fs';
      import { setImmediate as turn } from 'node:timers/promises';
      const { createLogger } = await import(${JSON.stringify(LOGGER)});
      const log = createLogger({ level: 'info' });
      for (let n = 0; n < 3; n += 1) { log.info('x'); for (let m = 0; m < 100; m += 1) await turn(); }
      writeFileSync(${JSON.stringify(done)}, 'to the end');
      ${end}`;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
    const { status, stderr: said } = spawnSync(process.execPath, args, {
      stdio: ['ignore', unwritable, stderr],
      encoding: 'utf8',
      timeout: 30_000,
      killSignal: 'SIGKILL',
    });
    assert.equal(readFileSync(done, 'utf8'), 'to the end');
    return { status, said };
  }

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

  it('a log that cannot be written stops nobody, and is told once', () => {
    const { status, said } = logInProcess('pipe');
    assert.match(said, /^The log cannot be written \(EBADF\): standard output\. Everything else goes on\. [^\n]*\n$/);
    assert.equal(status, 0);
  });

  it('nor changes how a process ends', () => {
    assert.equal(logInProcess('pipe', 'process.exit(3);').status, 3);
  });

  it('nor where nobody can be told', () => {
    assert.equal(logInProcess(unwritable).status, 0);
  });
});
