import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TalkdeskFailureClass } from '../../talkdesk/errors.js';
import { failureOf, type Resource, retryAfterMsOf } from '../../talkdesk/failures.js';

const NOW = new Date('2026-01-05T10:00:00Z');

const TABLE: [Resource, number, string, TalkdeskFailureClass][] = [
  ['installation', 301, '', 'retryable'],
  ['installation', 302, '', 'retryable'],
  ['installation', 408, '', 'retryable'],
  ['installation', 425, '', 'retryable'],
  ['installation', 429, '{"code":"0012001","message":"API rate limit exceeded"}', 'retryable'],
  ['installation', 500, '<html>oops</html>', 'retryable'],
  ['installation', 502, '', 'retryable'],
  ['installation', 503, '', 'retryable'],
  ['installation', 599, '', 'retryable'],
  ['installation', 401, '', 'credentials'],
  ['installation', 403, '{"code":"0030009","message":"forbidden"}', 'needs-person'],
  ['installation', 404, '{"error":"not found"}', 'gone'],
  ['installation', 404, '{"code":"0030200"}', 'gone'],
  ['installation', 409, '', 'conflict'],
  ['installation', 400, '', 'refused'],
  ['installation', 410, '', 'refused'],
  ['installation', 415, '', 'refused'],
  ['installation', 422, '', 'refused'],
  ['account', 401, '{"code":"0060001"}', 'credentials'],
  ['account', 403, '{"code":"0060002"}', 'needs-person'],
  ['account', 404, '{"code":"0060000"}', 'needs-person'],
  ['token', 400, '{"error":"invalid_client"}', 'credentials'],
  ['token', 400, '{"error":"invalid_grant"}', 'credentials'],
  ['token', 401, '{"error":"unauthorized"}', 'credentials'],
  ['token', 401, '{"error":"invalid_scope"}', 'credentials'],
  ['token', 401, '', 'credentials'],
  ['token', 400, '{"error":"invalid_scope"}', 'needs-person'],
  ['token', 400, '{"error":"invalid_request"}', 'refused'],
  ['token', 403, '', 'needs-person'],
  ['token', 404, '', 'needs-person'],
  ['token', 429, '', 'retryable'],
  ['token', 503, '', 'retryable'],
];

describe('the class of an answer', () => {
  for (const [resource, status, body, expected] of TABLE) {
    it(`${resource} ${status} ${body} is ${expected}`, () => {
      const error = failureOf('do it', resource, { status, headers: {}, body }, NOW);
      assert.equal(error.failureClass, expected);
      assert.equal(error.status, status);
      assert.equal(error.operation, 'do it');
      assert.match(error.message, new RegExp(`^Could not do it: Talkdesk answered ${status}`));
    });
  }

  it('comes with the code that was sent, and with no other text of the answer', () => {
    const api = failureOf(
      'x',
      'installation',
      { status: 403, headers: {}, body: '{"code":"0030009","message":"leak"}' },
      NOW,
    );
    assert.equal(api.code, '0030009');
    assert.ok(api.message.includes('0030009') && !api.message.includes('leak'));
    const token = failureOf(
      'x',
      'token',
      { status: 401, headers: {}, body: '{"error":"invalid_client","error_description":"leak"}' },
      NOW,
    );
    assert.equal(token.code, 'invalid_client');
    assert.ok(!token.message.includes('leak'));
    for (const [resource, body] of [
      ['token', '{"error":"leak"}'],
      ['installation', '{"code":"leak leak"}'],
      ['installation', '{"code":17}'],
      ['installation', 'leak'],
    ] as const) {
      const error = failureOf('x', resource, { status: 401, headers: {}, body }, NOW);
      assert.equal(error.code, null);
      assert.ok(!error.message.includes('leak'));
    }
  });
});

describe('the wait that is asked for', () => {
  const field = (member: unknown) => JSON.stringify({ code: '0020017', fields: [{ name: 'other' }, member] });
  const cases: [string, Record<string, string>, string, number | null][] = [
    ['seconds', { 'retry-after': '7' }, '', 7_000],
    ['zero', { 'retry-after': '0' }, '', 0],
    ['an HTTP date', { 'retry-after': 'Mon, 05 Jan 2026 10:01:30 GMT' }, '', 90_000],
    ['a date that has passed', { 'retry-after': 'Mon, 05 Jan 2026 09:00:00 GMT' }, '', 0],
    ['too many seconds', { 'retry-after': '86400' }, '', 900_000],
    ['a date too far away', { 'retry-after': 'Tue, 06 Jan 2026 10:00:00 GMT' }, '', 900_000],
    ['a field of the body', {}, field({ name: 'retry-after', description: '12' }), 12_000],
    ['a field in words', {}, field({ name: 'Retry-After', description: '12 seconds' }), 12_000],
    ['a field as a number', {}, field({ name: 'retry-after', value: 3 }), 3_000],
    ['header before body', { 'retry-after': '5' }, field({ name: 'retry-after', description: '12' }), 5_000],
    [
      'an odd header, then the body',
      { 'retry-after': 'soon' },
      field({ name: 'retry-after', description: '12' }),
      12_000,
    ],
    ['a negative number', { 'retry-after': '-5' }, '', null],
    ['something like a date', { 'retry-after': 'May 1' }, '', null],
    ['nothing', {}, '{}', null],
    ['fields of another shape', {}, '{"fields":{"retry-after":1}}', null],
    ['a body that is no JSON', {}, '<html>', null],
  ];
  for (const [name, headers, body, expected] of cases) {
    it(name, () => assert.equal(retryAfterMsOf({ headers, body }, NOW), expected));
  }
});
