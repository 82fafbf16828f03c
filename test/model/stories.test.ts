import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decideNext, preEmptedBy } from '../../workflows/state.js';
import { play, stories } from './stories.js';
import { assertTrueEnd } from './truth.js';

/** MODEL_SEED plays the stories of an earlier run again; MODEL_RUNS asks for more of them. */
const seed = Number(process.env['MODEL_SEED'] ?? Date.now() % 2_147_483_647);
const numRuns = Number(process.env['MODEL_RUNS'] ?? 1_500);
const LIMIT_MS = 12_000;

describe('any story, in any order of arrival', () => {
  it('ends where Talkdesk says it ends', (t) => {
    t.diagnostic(`MODEL_SEED=${seed} MODEL_RUNS=${numRuns}`);
    const interruptAfterTimeLimit = process.env['MODEL_RUNS'] === undefined ? LIMIT_MS : undefined;
    const told = fc.property(stories, (story) => {
      for (const run of play({ decideNext, preEmptedBy }, story)) assertTrueEnd(run);
    });
    void fc.assert(told, { seed, numRuns, ...(interruptAfterTimeLimit ? { interruptAfterTimeLimit } : {}) });
  });
});
