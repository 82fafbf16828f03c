import { openSuite, RULE_NAMES, type RuleName, RULES, type Suite } from './run.js';
import type { ProductHarness } from './types.js';

/** The functions of a test framework that the suite uses; those of `node:test` fit. */
export interface SuiteFunctions {
  describe: (name: string, define: () => void) => unknown;
  it: (name: string, run: () => Promise<void>) => unknown;
  before: (run: () => Promise<void>) => unknown;
  after: (run: () => Promise<void>) => unknown;
}

/**
 * The rules of the port as tests, one per rule. A rule that the harness cannot arrange is a failure here: name it in `without`, so
 * that nothing stays untested unnoticed.
 *
 * @param name what is tested, for the report
 * @param without rules that this product cannot be tested for
 */
export function describeProduct(
  name: string,
  harness: ProductHarness,
  { describe, it, before, after }: SuiteFunctions,
  without: readonly RuleName[] = [],
): void {
  describe(`${name} as a product`, () => {
    let suite: Suite | undefined;
    before(async () => {
      suite = await openSuite(harness);
    });
    after(async () => {
      await suite?.close();
    });
    for (const rule of RULE_NAMES.filter((each) => !without.includes(each))) {
      it(`${rule}: ${RULES[rule].demands}`, async () => {
        const result = await suite?.test(rule);
        if (result?.status !== 'passed') throw new Error(`${rule}: ${result?.status}: ${result?.reason}`);
      });
    }
  });
}
