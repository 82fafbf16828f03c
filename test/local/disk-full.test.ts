import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalError } from '../../local/local-error.js';
import { prepareDatabases } from '../../local/own-service.js';
import { whyNotStarted } from '../../local/postgres.js';
import { wordsOfLittleRoom } from '../../local/preflight.js';
import { scratchDir } from './scratch.js';

/** As PostgreSQL 18 wrote it on a disk that was filled between two starts. */
const LOG = `LOG:  redo done at 0/207A7E0
ERROR:  could not write blocks 12..12 in file "base/16384/1249": No space left on device
HINT:  Check free disk space.
CONTEXT:  writing block 12 of relation "base/16384/1249"
FATAL:  checkpoint request failed
HINT:  Consult recent messages in the server log for details.
LOG:  startup process (PID 1924) exited with exit code 1
LOG:  terminating any other active server processes
LOG:  shutting down due to startup process failure
LOG:  database system is shut down`;

test('PostgreSQL that found the disk full is reported so, whatever it wrote afterwards', () => {
  const child = {
    logFile: '/data/logs/postgres.log',
    output: () => LOG,
    lastLines: () => LOG.split('\n').slice(-5).join('\n'),
  };
  assert.equal(
    whyNotStarted('ended with code 1', child, '/data/postgres', 5432),
    'PostgreSQL did not start: the disk of /data/postgres is full. Make room or choose another disk with DATA_DIR.',
  );
});

test('a disk that has no room for the databases is named, not the settings of the sample product', async (t) => {
  const dataDir = scratchDir(t);
  const postgres = {
    ensureDatabase: () =>
      Promise.reject(new Error('could not write to file "pg_wal/xlogtemp.1": No space left on device')),
    urlOf: () => 'postgresql://postgres:x@127.0.0.1:1/appconnect',
  };
  await assert.rejects(prepareDatabases(postgres, { dataDir, env: {} }), (error: unknown) => {
    assert.ok(error instanceof LocalError);
    assert.ok(error.message.startsWith(`The databases cannot be made: the disk of ${dataDir} is full. Make room`));
    return true;
  });
});

test('little room is told before anything starts, enough is not', (t) => {
  const dataDir = scratchDir(t);
  const aPetabyte = 1_000_000_000;
  assert.match(
    wordsOfLittleRoom(dataDir, aPetabyte) ?? '',
    /^ {2}Only \d+ MB are free on the disk of .+, and PostgreSQL and Temporal need 1000000000: make room, or .+ DATA_DIR\.$/,
  );
  assert.equal(wordsOfLittleRoom(dataDir, 0), null);
});
