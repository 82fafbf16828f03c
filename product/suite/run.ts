import type { Product } from '../port.js';
import { createPatientProduct } from './patient.js';
import { accountRules } from './rules/accounts.js';
import { answerRules } from './rules/answers.js';
import { cutOffRules } from './rules/cut-off.js';
import { orderRules } from './rules/order.js';
import { userRules } from './rules/users.js';
import type { HarnessPart, ProductHarness, Rule, RuleResult } from './types.js';

/** Every rule of the port by its name. Names stay: reports and exceptions refer to them. */
export const RULES = { ...accountRules, ...orderRules, ...answerRules, ...cutOffRules, ...userRules };

/** The name of a rule. */
export type RuleName = keyof typeof RULES;

/** All rule names, in the order in which they are tested. */
export const RULE_NAMES = Object.keys(RULES) as RuleName[];

/** Unless told otherwise, a rule may take this long. */
const DEFAULT_LIMIT_MS = 30_000;

const MISSING: Record<HarnessPart, string> = {
  openPending: 'the product never answers pending',
  refusedAccountName: 'no account is named that the product refuses',
  whileHanging: 'the product cannot be made to hang',
  whileFailing: 'the product cannot be made to fail',
};

export interface SuiteOptions {
  /** Only these rules; all unless given. */
  only?: readonly RuleName[];
  /** Longest time of one rule, milliseconds; 30 s unless given. */
  limitMs?: number;
  /** Told of each result as it comes. */
  onResult?: (result: RuleResult) => void;
}

/** A suite that is ready to test rules of one product. */
export interface Suite {
  /** Tests one rule. Never throws for a broken rule. */
  test(name: RuleName): Promise<RuleResult>;
  close(): Promise<void>;
}

/**
 * Opens the product twice, as two workers do.
 *
 * @throws whatever opening the product throws
 */
export async function openSuite(harness: ProductHarness, limitMs: number = DEFAULT_LIMIT_MS): Promise<Suite> {
  const raw = await harness.open();
  let other: Product;
  try {
    other = await harness.open();
  } catch (error) {
    await raw.close();
    throw error;
  }
  const product = createPatientProduct(raw);
  const otherWorker = createPatientProduct(other);

  return {
    async test(name) {
      const rule: Rule = RULES[name];
      const startedMs = performance.now();
      const result = (status: RuleResult['status'], reason: string | null): RuleResult => ({
        rule: name,
        demands: rule.demands,
        status,
        reason,
        durationMs: Math.round(performance.now() - startedMs),
      });
      if (rule.needs !== undefined && harness[rule.needs] === null) return result('skipped', MISSING[rule.needs]);
      const limit = new AbortController();
      try {
        await within(limit, limitMs, () => rule.check({ product, otherWorker, harness, signal: limit.signal }));
        return result('passed', null);
      } catch (error) {
        return result('failed', error instanceof Error ? error.message : `threw ${typeof error}, not an Error`);
      }
    },
    async close() {
      await Promise.all([raw.close(), other.close()]);
    },
  };
}

/**
 * Tests the rules one after another.
 *
 * @returns one result per rule
 * @throws whatever opening the product throws; a broken rule is a result
 */
export async function runSuite(harness: ProductHarness, options: SuiteOptions = {}): Promise<RuleResult[]> {
  const suite = await openSuite(harness, options.limitMs);
  const results: RuleResult[] = [];
  try {
    for (const name of options.only ?? RULE_NAMES) {
      const result = await suite.test(name);
      options.onResult?.(result);
      results.push(result);
    }
  } finally {
    await suite.close();
  }
  return results;
}

/** Runs `work`, and gives up after the limit, even if the work takes no notice of the signal. */
async function within(limit: AbortController, limitMs: number, work: () => Promise<void>): Promise<void> {
  const tooLong = new Error(`took longer than ${limitMs} ms`);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(tooLong);
      limit.abort(tooLong);
    }, limitMs);
  });
  const working = work();
  working.catch(() => undefined);
  try {
    await Promise.race([working, late]);
  } finally {
    clearTimeout(timer);
  }
}
