import assert from 'node:assert/strict';
import { it } from 'node:test';
import { judged } from './judged.js';

/** How one defect shows. */
export interface Expectation {
  /** The one scenario that fails. */
  fails: string;
  /** What its message says was seen. */
  seen: RegExp;
  /** What cannot be judged because of it, in the order of the report. */
  blocked: string[];
}

/** Figures of a busy machine and a wait of its own, which say nothing about a defect; the correct backend goes through them. */
const skip = ['acknowledgement-load', 'window'];

/** One test for each defect: the meant scenario fails, and none for a wrong reason. */
export function testDefects(expectations: Record<string, Expectation>): void {
  for (const [defect, { fails, seen, blocked }] of Object.entries(expectations)) {
    it(`${defect}: ${fails} fails and nothing else`, { timeout: 230_000 }, async () => {
      const report = await judged({ defect, skip, patienceSeconds: 25 });
      assert.deepEqual(report.named('failed'), [fails], report.stderr);
      assert.match(report.scenarios.find(({ name }) => name === fails)?.failure?.seen ?? '', seen);
      assert.deepEqual(report.named('blocked'), blocked);
      assert.deepEqual(report.named('not-run'), skip);
      assert.equal(report.code, 1);
    });
  }
}
