import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { ask } from './wire.js';

let simulator: RunningSimulator;

before(async () => {
  simulator = await startSimulator();
});
after(() => simulator.stop());

const json = 'application/json';
const megabyte = 1024 * 1024;

const cases: [string, string, string, Record<string, string>, string, number, RegExp][] = [
  [
    'a long scenario',
    'POST',
    '/scenarios',
    {},
    ' '.repeat(megabyte + 1),
    413,
    /^The body is too large; at most 1048576 bytes/,
  ],
  [
    'a long JSON body',
    'POST',
    '/clock',
    {},
    ' '.repeat(32 * megabyte + 1),
    413,
    /^The body is too large; at most 33554432 /,
  ],
  ['plain text that says it is gzip', 'POST', '/clock', { 'content-encoding': 'gzip' }, '{}', 400, /cannot be read/],
  ['such a scenario', 'POST', '/scenarios', { 'content-encoding': 'gzip' }, 'name: a', 400, /cannot be read/],
  ['such a snapshot', 'PUT', '/snapshot', { 'content-encoding': 'deflate' }, '{}', 400, /cannot be read/],
  [
    'an unknown encoding',
    'POST',
    '/clock',
    { 'content-encoding': 'compress2' },
    '{}',
    415,
    /^The Content-Encoding must be identity, /,
  ],
  [
    'an unknown charset',
    'POST',
    '/clock',
    { 'content-type': `${json}; charset=klingon` },
    '{}',
    415,
    /^The charset .* send UTF-8\.$/,
  ],
  [
    'a scenario of an unknown charset',
    ...(['POST', '/scenarios'] as const),
    { 'content-type': 'application/yaml; charset=klingon' },
    ...(['name: a', 415, /^The charset .* send UTF-8\.$/] as const),
  ],
  ['no JSON', 'PATCH', '/switches', {}, '{', 400, /^The body must be JSON\.$/],
  ['a path that is not percent-encoded', 'DELETE', '/faults/%zz', {}, '{}', 400, /cannot be read/],
];

for (const [what, method, path, headers, body, status, says] of cases) {
  test(`${what} is refused with ${status} and a sentence, and the next request is served`, async () => {
    const answer = await ask(`${simulator.url}/_control${path}`, {
      method,
      headers: { 'content-type': json, ...headers },
      body,
    });
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    assert.match(answer.body.error, says);
    assert.equal((await simulator.control.health()).ok, true);
  });
}
