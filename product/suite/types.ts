import type { Product } from '../port.js';
import type { PatientProduct } from './patient.js';

/** What the suite needs of the product that it tests. */
export interface ProductHarness {
  /** Opens the product. Called several times: all see the same accounts, as the workers of one service do. */
  open(): Promise<Product>;
  /** Opens it so that `provision` answers `pending` at first; null: it never does. */
  openPending: (() => Promise<Product>) | null;
  /** Name of a Talkdesk account that the product refuses to provision; null: there is none. */
  refusedAccountName: string | null;
  /** Runs `work` while every changing call to the product hangs, and lets the product go on afterwards. Null: cannot be arranged. */
  whileHanging: ((work: () => Promise<void>) => Promise<void>) | null;
  /** Runs `work` while the product is down or answers with errors of its own. Null: cannot be arranged. */
  whileFailing: ((work: () => Promise<void>) => Promise<void>) | null;
}

/** Parts of a harness without which some rules cannot be tested. */
export type HarnessPart = 'openPending' | 'refusedAccountName' | 'whileHanging' | 'whileFailing';

/** What a rule is tested with. */
export interface RuleContext {
  /** Waits out `pending` answers. */
  product: PatientProduct;
  /** The same product, opened a second time: another worker. */
  otherWorker: PatientProduct;
  harness: ProductHarness;
  /** Aborts when the rule takes too long. Every call of the rule gets it, unless it is about signals. */
  signal: AbortSignal;
}

/** One rule of the port. */
export interface Rule {
  /** What is demanded, as a sentence for a report. */
  demands: string;
  /** Without this part of the harness the rule is skipped. */
  needs?: HarnessPart;
  /** Throws when the product breaks the rule. */
  check(context: RuleContext): Promise<void>;
}

/** How a rule went. */
export interface RuleResult {
  rule: string;
  demands: string;
  status: 'passed' | 'failed' | 'skipped';
  /** Why it failed, or what is missing to test it; null for a rule that passed. */
  reason: string | null;
  durationMs: number;
}
