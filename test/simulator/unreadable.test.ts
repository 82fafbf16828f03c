import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { ask } from './wire.js';

let simulator: RunningSimulator;

before(async () => {
  simulator = await startSimulator();
});
after(() => simulator.stop());

const statePath = '/apps/some-app/installations/some-installation/state';
const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  ask(`${simulator.url}${statePath}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });

test('a body of more than 256 kB, and one that is packed, are not read', async () => {
  assert.equal((await post('x'.repeat(256 * 1024))).status, 401);
  const { status, body } = await post('x'.repeat(256 * 1024 + 1));
  assert.deepEqual({ status, body }, { status: 413, body: { error: 'The request cannot be read.' } });
  const packed = await post(new Uint8Array(gzipSync('{"state":"approve"}')), { 'content-encoding': 'gzip' });
  assert.equal(packed.status, 415);
});

test('a path that cannot be decoded is a 400, one that the contract does not have a 404', async () => {
  const broken = await ask(`${simulator.url}/apps/%zz/installations/1`);
  assert.deepEqual(
    { status: broken.status, body: broken.body },
    { status: 400, body: { error: 'The request cannot be read.' } },
  );
  for (const path of ['/nowhere', '/account/', '/apps//installations/1', '/apps/1/installations']) {
    const { status, body } = await ask(`${simulator.url}${path}`);
    assert.deepEqual({ status, body }, { status: 404, body: { error: 'Not found' } }, path);
  }
  assert.equal((await ask(`${simulator.url}${statePath}`)).status, 404);
});

test('ids in a path are percent-decoded', async () => {
  await ask(`${simulator.url}/apps/a%20b/installations/c%2Fd`);
  const { installation_id, path } = (await simulator.control.requests()).at(-1) ?? {};
  assert.deepEqual({ installation_id, path }, { installation_id: 'c/d', path: '/apps/a%20b/installations/c%2Fd' });
});

test('a request whose connection ends before its body does has no effect', async () => {
  const before = (await simulator.control.requests()).length;
  const { hostname, port } = new URL(simulator.url);
  const socket = connect(Number(port), hostname);
  socket.write(
    `POST ${statePath} HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`,
  );
  socket.end();
  socket.resume();
  await once(socket, 'close');
  assert.equal((await simulator.control.requests()).length, before);
});
