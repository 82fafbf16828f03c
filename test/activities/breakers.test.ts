import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Attempt } from '../../activities/attempts.js';
import { createBreakers } from '../../activities/breakers.js';
import { StepError } from '../../activities/failures.js';
import { FAILURE_TYPES } from '../../contracts/failures.js';
import { ProductConfigurationError } from '../../product/errors.js';
import { SealingError, StoreError, StoreUnavailableError } from '../../store/errors.js';
import { talkdeskError } from './support/talkdesk.js';

const attempt = (isLocal: boolean): Attempt => ({
  isLocal,
  number: 1,
  token: 'token',
  signal: new AbortController().signal,
  timeoutMs: 1_000,
  progress() {},
});
const QUICK = attempt(true);
const DURABLE = attempt(false);
const DOWN = talkdeskError('retryable', { status: 503 });

/** Breakers, with what became of each piece of work. */
function createGuarded() {
  const breakers = createBreakers();
  let ran = 0;
  return {
    /** `done`, or the name of the error; whether the work was begun at all is counted in `ran`. */
    async guard(dependency: string, as: Attempt, error: Error | null): Promise<string> {
      try {
        return await breakers.guard(dependency, as, async () => {
          ran += 1;
          if (error !== null) throw error;
          return 'done';
        });
      } catch (thrown) {
        if (thrown !== error && thrown instanceof StepError) {
          assert.equal(thrown.type, FAILURE_TYPES.goDurable);
          assert.match(thrown.message, new RegExp(`^The ${dependency} failed repeatedly`));
          return 'open';
        }
        assert.equal(thrown, error);
        return 'failed';
      }
    },
    ran: () => ran,
  };
}

async function times(count: number, work: () => Promise<string>): Promise<string[]> {
  const results: string[] = [];
  for (let n = 0; n < count; n += 1) results.push(await work());
  return results;
}

function stopClock(t: TestContext): (ms: number) => void {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  return (ms) => t.mock.timers.tick(ms);
}

describe('the breaker of a dependency', () => {
  it('opens after five quick attempts that failed in a row; the next is not begun', async () => {
    const { guard, ran } = createGuarded();
    assert.deepEqual(await times(5, () => guard('talkdesk', QUICK, DOWN)), Array(5).fill('failed'));
    assert.equal(await guard('talkdesk', QUICK, null), 'open');
    assert.equal(ran(), 5);
  });

  it('stays closed when one of them succeeds in between', async () => {
    const { guard } = createGuarded();
    await times(4, () => guard('talkdesk', QUICK, DOWN));
    assert.equal(await guard('talkdesk', QUICK, null), 'done');
    await times(4, () => guard('talkdesk', QUICK, DOWN));
    assert.equal(await guard('talkdesk', QUICK, null), 'done');
  });

  it('lets durable attempts through while it is open, and does not count them', async () => {
    const { guard } = createGuarded();
    await times(10, () => guard('talkdesk', DURABLE, DOWN));
    assert.equal(await guard('talkdesk', QUICK, null), 'done');
    await times(5, () => guard('talkdesk', QUICK, DOWN));
    assert.equal(await guard('talkdesk', DURABLE, null), 'done');
    assert.equal(await guard('talkdesk', QUICK, null), 'open');
  });

  it('is one for each dependency', async () => {
    const { guard } = createGuarded();
    await times(5, () => guard('talkdesk', QUICK, DOWN));
    assert.equal(await guard('product', QUICK, null), 'done');
  });

  it('tries one quick attempt after five seconds, and closes with it', async (t) => {
    const tick = stopClock(t);
    const { guard } = createGuarded();
    await times(5, () => guard('talkdesk', QUICK, DOWN));
    tick(4_999);
    assert.equal(await guard('talkdesk', QUICK, null), 'open');
    tick(1);
    assert.equal(await guard('talkdesk', QUICK, DOWN), 'failed');
    assert.equal(await guard('talkdesk', QUICK, null), 'open');
    tick(5_000);
    assert.deepEqual(await times(2, () => guard('talkdesk', QUICK, null)), ['done', 'done']);
  });

  const SAYS_NOTHING: [what: string, error: Error][] = [
    ['a refusal', new StepError(FAILURE_TYPES.refused, 'no')],
    ['a lost claim', new StepError(FAILURE_TYPES.retryable, 'too slow')],
    ['credentials that are not accepted', talkdeskError('credentials')],
    ['a request that is refused', talkdeskError('refused')],
    ['an installation that is gone', talkdeskError('gone')],
    ['a forbidden request', talkdeskError('needs-person')],
    ['a conflict', talkdeskError('conflict')],
    ['an adapter that is not set up', new ProductConfigurationError('no such file')],
    ['our database being away', new StoreUnavailableError('away')],
    ['our database refusing a statement', new StoreError('refused', '23505')],
    ['a sealed text that does not open', new SealingError('unknown key')],
  ];
  for (const [what, error] of SAYS_NOTHING) {
    it(`is not opened by ${what}`, async () => {
      const { guard } = createGuarded();
      await times(6, () => guard('talkdesk', QUICK, error));
      assert.equal(await guard('talkdesk', QUICK, null), 'done');
    });
  }

  it('is opened by a product that throws', async () => {
    const { guard } = createGuarded();
    await times(5, () => guard('product', QUICK, new Error('the adapter broke')));
    assert.equal(await guard('product', QUICK, null), 'open');
  });
});
