import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { defaultFailureConverter, defaultPayloadConverter } from '@temporalio/common';
import { type FailedAttempt, StepError, toFailure } from '../../activities/failures.js';
import { FAILURE_TYPES } from '../../contracts/failures.js';
import { ProductConfigurationError } from '../../product/errors.js';
import { NotFoundError, SealingError, StoreError, StoreUnavailableError } from '../../store/errors.js';
import { told } from './support/failure.js';
import { talkdeskError } from './support/talkdesk.js';

/** The first regular attempt, without jitter. */
const FIRST: FailedAttempt = { isLocal: false, number: 1, cancelled: false, random: () => 0 };

const failed = (error: unknown, changes: Partial<FailedAttempt> = {}) =>
  told(toFailure(error, { ...FIRST, ...changes }));
const delayOf = (error: unknown, changes: Partial<FailedAttempt>) => failed(error, changes).delayMs;

describe('the class of a failure', () => {
  const retried = true;
  const table: [what: string, error: unknown, type: string, retried: boolean, delayMs: number | null][] = [
    ['an activity’s own: retryable', new StepError(FAILURE_TYPES.retryable, 'x'), 'Retryable', retried, 500],
    ['an activity’s own: refused', new StepError(FAILURE_TYPES.refused, 'x'), 'Refused', false, null],
    [
      'an activity’s own: needs a person',
      new StepError(FAILURE_TYPES.needsPerson, 'x'),
      'NeedsPerson',
      retried,
      3_600_000,
    ],
    ['an activity’s own: pre-empted', new StepError(FAILURE_TYPES.preEmpted, 'x'), 'PreEmpted', false, null],
    ['an activity’s own: the product needs time', new StepError(FAILURE_TYPES.pending, 'x'), 'Pending', retried, 2_500],
    ['Talkdesk: retryable', talkdeskError('retryable'), 'Retryable', retried, 500],
    ['Talkdesk: credentials, asked slowly', talkdeskError('credentials'), 'Credentials', retried, 30_000],
    ['Talkdesk: refused', talkdeskError('refused'), 'NeedsPerson', retried, 3_600_000],
    ['Talkdesk: needs a person', talkdeskError('needs-person'), 'NeedsPerson', retried, 3_600_000],
    ['Talkdesk: conflict', talkdeskError('conflict'), 'Retryable', retried, 500],
    ['an open breaker', new StepError(FAILURE_TYPES.goDurable, 'x'), 'GoDurable', retried, 500],
    ['a sealed text that does not open', new SealingError('x'), 'NeedsPerson', retried, 3_600_000],
    ['an adapter that is not set up', new ProductConfigurationError('x'), 'NeedsPerson', retried, 3_600_000],
    ['a database that is away', new StoreUnavailableError('x'), 'Retryable', retried, 500],
    ['a statement that was refused', new StoreError('x', '23505'), 'Retryable', retried, 500],
    ['a row that is not there', new NotFoundError('process', 'p'), 'Retryable', retried, 500],
    ['any other error', new TypeError('x'), 'Retryable', retried, 500],
    ['no error at all', 'a text', 'Retryable', retried, 500],
  ];
  for (const [what, error, type, isRetried, delayMs] of table) {
    it(what, () => {
      const { message: _, ...failure } = failed(error);
      assert.deepEqual(failure, { type, retried: isRetried, delayMs });
    });
  }

  it('is cancelled, whatever it was, when the attempt was cut off by a cancellation', () => {
    for (const error of [talkdeskError('needs-person'), new StepError(FAILURE_TYPES.refused, 'no'), new Error('x')]) {
      assert.ok(toFailure(error, { ...FIRST, cancelled: true }) instanceof CancelledFailure);
    }
  });
});

describe('the delay to the next attempt', () => {
  it('doubles from one second up to five minutes', () => {
    const none = () => 0;
    const delays = [1, 2, 3, 4, 9, 10, 11, 1_000].map((number) => delayOf(new Error('x'), { number, random: none }));
    assert.deepEqual(delays, [500, 1_000, 2_000, 4_000, 128_000, 150_000, 150_000, 150_000]);
  });

  it('is spread over the upper half', () => {
    const delays = [0, 0.5, 0.998].map((share) => delayOf(new Error('x'), { number: 4, random: () => share }));
    assert.deepEqual(delays, [4_000, 6_000, 7_992]);
  });

  it('starts at a minute for credentials, up to five', () => {
    const error = talkdeskError('credentials');
    const half = () => 0.5;
    assert.deepEqual(
      [1, 2, 3, 4].map((number) => delayOf(error, { number, random: half })),
      [45_000, 90_000, 180_000, 225_000],
    );
  });

  it('starts at five seconds for a product that needs time, up to five minutes', () => {
    const error = new StepError(FAILURE_TYPES.pending, 'working');
    const half = () => 0.5;
    assert.deepEqual(
      [1, 2, 3, 6, 7, 8].map((number) => delayOf(error, { number, random: half })),
      [3_750, 7_500, 15_000, 120_000, 225_000, 225_000],
    );
  });

  it('is an hour for what needs a person, on every attempt: its cause may have been mended elsewhere', () => {
    const error = new StepError(FAILURE_TYPES.needsPerson, 'act');
    assert.deepEqual(
      [1, 2, 50].map((number) => delayOf(error, { number, random: () => 0.7 })),
      [3_600_000, 3_600_000, 3_600_000],
    );
  });

  it('is what Talkdesk asks for, without jitter, also beyond five minutes', () => {
    const wait = (retryAfterMs: number) =>
      delayOf(talkdeskError('retryable', { status: 429, retryAfterMs }), { number: 5, random: () => 0.9 });
    assert.deepEqual([7_000, 900_000].map(wait), [7_000, 900_000]);
  });

  it('is told to the workflow after a quick attempt, which goes on with a regular one', () => {
    const error = talkdeskError('retryable', { status: 429, retryAfterMs: 7_000 });
    const detailsOf = (isLocal: boolean) => (toFailure(error, { ...FIRST, isLocal }) as ApplicationFailure).details;
    assert.deepEqual([detailsOf(true), detailsOf(false)], [[{ retryAfterMs: 7_000 }], undefined]);
  });

  it('is not nothing when Talkdesk asks for nothing', () => {
    assert.equal(delayOf(talkdeskError('retryable', { status: 503, retryAfterMs: 0 }), { number: 5 }), 500);
  });

  it('is the activity’s own where it knows better', () => {
    assert.equal(delayOf(new StepError(FAILURE_TYPES.retryable, 'held', 1_234.4), { number: 7 }), 1_234);
    assert.equal(delayOf(new StepError(FAILURE_TYPES.retryable, 'held', 0), { number: 7 }), 1);
  });
});

describe('an installation that Talkdesk does not know', () => {
  const gone = talkdeskError('gone', { status: 404 });

  it('is not believed in a quick attempt and in the first two regular ones', () => {
    for (const attempt of [{ isLocal: true, number: 1 }, { isLocal: true, number: 3 }, { number: 1 }, { number: 2 }]) {
      const { type, retried, delayMs } = failed(gone, attempt);
      assert.deepEqual(
        { type, retried, delayMs },
        { type: 'Retryable', retried: true, delayMs: 2_000 },
        JSON.stringify(attempt),
      );
    }
  });

  it('is believed from the third regular one', () => {
    for (const number of [3, 4]) {
      const { type, retried, delayMs } = failed(gone, { number });
      assert.deepEqual({ type, retried, delayMs }, { type: 'Gone', retried: false, delayMs: null });
    }
  });
});

describe('the words of a failure', () => {
  it('are those of the error, with its code', () => {
    const messageOf = (error: unknown) => failed(error).message;
    assert.equal(messageOf(talkdeskError('retryable')), 'Could not ask: Talkdesk was not pleased.');
    assert.equal(
      messageOf(Object.assign(new Error('no way there'), { code: 'EHOSTUNREACH' })),
      'no way there (EHOSTUNREACH)',
    );
    assert.equal(
      messageOf(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })),
      'connect ECONNREFUSED',
    );
    assert.equal(messageOf(new TypeError('')), 'TypeError');
    assert.equal(messageOf({ secret: 'x' }), 'An unknown error.');
  });

  it('are cut at 500 characters', () => {
    const long = 'a'.repeat(500);
    for (const error of [
      new Error(`${long}b`),
      new StepError(FAILURE_TYPES.refused, `${long}b`),
      new SealingError(`${long}b`),
    ]) {
      assert.equal(failed(error).message, long);
    }
  });

  it('are all that leaves this process: no field, cause or stack of the error', () => {
    const error = Object.assign(new Error('the request failed', { cause: new Error('SECRET-IN-THE-CAUSE') }), {
      options: { headers: { authorization: 'Bearer SECRET-TOKEN' } },
      details: ['SECRET-DETAIL'],
    });
    error.stack = 'Error: SECRET-IN-THE-STACK';
    const failure = toFailure(error, FIRST);
    const onTheWire = JSON.stringify(defaultFailureConverter.errorToFailure(failure, defaultPayloadConverter));
    assert.match(onTheWire, /the request failed/);
    assert.doesNotMatch(onTheWire, /SECRET/);
    assert.equal(failure.cause, undefined);
  });
});
