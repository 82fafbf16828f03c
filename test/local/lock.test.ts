import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { tryLock, waitForLock } from '../../local/lock.js';
import { scratchDir, until } from './scratch.js';

test('a lock is held by one, names its holder, and is free after its release', async (t) => {
  const path = join(scratchDir(t), 'lock');
  const first = await tryLock(path);
  assert.equal(first.kind, 'taken');
  assert.deepEqual(await tryLock(path), { kind: 'held', byPid: process.pid });
  if (first.kind === 'taken') first.lock.release();
  assert.equal(existsSync(path), false);
  assert.equal((await tryLock(path)).kind, 'taken');
});

test("a dead holder's lock goes to exactly one of those who want it", async (t) => {
  const path = join(scratchDir(t), 'lock');
  for (let round = 0; round < 20; round += 1) {
    writeFileSync(path, JSON.stringify({ pid: process.pid, startedAt: 'an earlier process with this number' }));
    const results = await Promise.all(Array.from({ length: 8 }, () => tryLock(path)));
    const taken = results.filter((result) => result.kind === 'taken');
    assert.equal(taken.length, 1);
    if (taken[0]?.kind === 'taken') taken[0].lock.release();
  }
});

test('the lock of a killed process is free', async (t) => {
  const dir = scratchDir(t);
  const path = join(dir, 'lock');
  const code = `import('${new URL('../../local/lock.ts', import.meta.url)}').then(({ tryLock }) => tryLock('${path}')).then((r) => console.log(r.kind)); setInterval(() => {}, 1000)`;
  const holder = spawn(process.execPath, ['--import', 'tsx', '-e', code], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => holder.kill('SIGKILL'));
  const [chunk] = (await once(holder.stdout, 'data')) as [Buffer];
  assert.equal(chunk.toString(), 'taken\n');
  assert.deepEqual(await tryLock(path), { kind: 'held', byPid: holder.pid });
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  assert.equal((await tryLock(path)).kind, 'taken');
});

test('a lock that its holder is still writing counts as held, an old empty one as left behind', async (t) => {
  const path = join(scratchDir(t), 'lock');
  writeFileSync(path, '');
  assert.deepEqual(await tryLock(path), { kind: 'held', byPid: null });
  utimesSync(path, new Date(0), new Date(0));
  assert.equal((await tryLock(path)).kind, 'taken');
});

test('who waits gets the lock when it is released, and is told once whom it waits for', async (t) => {
  const path = join(scratchDir(t), 'lock');
  const first = await tryLock(path);
  const told: (number | null)[] = [];
  const waiting = waitForLock(path, 10_000, (byPid) => told.push(byPid));
  await until('it waits', () => told.length === 1);
  if (first.kind === 'taken') first.lock.release();
  (await waiting).release();
  assert.deepEqual(told, [process.pid]);
});

test('waiting for a lock ends with the name of its holder', async (t) => {
  const path = join(scratchDir(t), 'lock');
  await tryLock(path);
  await assert.rejects(
    waitForLock(path, 50, () => undefined),
    new RegExp(`process ${process.pid} has kept`),
  );
});
