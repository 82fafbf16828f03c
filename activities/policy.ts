import type { PolicyVerdict } from '../contracts/messages.js';

/** What a rule is about; what is left out matches everything. */
export interface RuleMatch {
  readonly plans?: readonly string[];
  readonly regions?: readonly string[];
  readonly kinds?: readonly ('install' | 'update')[];
}

/** Each that does not hold rejects the process, with a reason that the customer reads. */
export interface RuleGuards {
  /** Most active installations of the app at a time; checked for installs. */
  readonly maxInstallations?: number;
  readonly maxUsers?: number;
  readonly regions?: readonly string[];
  readonly plans?: readonly string[];
  /** Account ids or account names. */
  readonly blockedAccounts?: readonly string[];
}

/** How processes are decided: the first rule that matches holds; without one: automatic, without guards. */
export interface Rule {
  readonly match: RuleMatch;
  readonly mode: 'automatic' | 'manual';
  readonly atDue: 'approve' | 'reject' | 'lapse';
  readonly guards: RuleGuards;
}

/** Who gives way when there are more licensed users than licences. */
export type SeatPolicy = 'assignment-order' | 'product' | 'refuse';

/** What an app's owner decided about it (APPS_FILE). */
export interface AppRules {
  readonly policy: readonly Rule[];
  readonly seats: SeatPolicy;
}

/** What a verdict is based on. */
export interface PolicyFacts {
  kind: 'install' | 'update';
  accountId: string;
  accountName: string;
  plan: string | null;
  region: string | null;
  users: number;
  /** Other active installations of the app. */
  activeInstallations: number;
}

/** The verdict of an app's policy on one process. */
export function verdictOf(rules: readonly Rule[], facts: PolicyFacts): PolicyVerdict {
  const rule = rules.find(({ match }) => matches(match, facts));
  if (rule === undefined) return { mode: 'automatic' };
  const reason = brokenGuard(rule.guards, facts);
  if (reason !== null) return { mode: 'reject', reason };
  return rule.mode === 'manual' ? { mode: 'manual', atDue: rule.atDue } : { mode: 'automatic' };
}

/** Whether the number of active installations can make a difference, so that it is not counted for nothing. */
export function countsInstallations(rules: readonly Rule[]): boolean {
  return rules.some(({ guards }) => guards.maxInstallations !== undefined);
}

function matches(match: RuleMatch, facts: PolicyFacts): boolean {
  return isAmong(facts.kind, match.kinds) && isAmong(facts.plan, match.plans) && isAmong(facts.region, match.regions);
}

function isAmong<T extends string>(value: T | null, list: readonly T[] | undefined): boolean {
  return list === undefined || (value !== null && list.includes(value));
}

/** Why a guard does not hold, in words for the customer, or null. */
function brokenGuard(guards: RuleGuards, facts: PolicyFacts): string | null {
  const { blockedAccounts = [], maxUsers, maxInstallations } = guards;
  if (blockedAccounts.includes(facts.accountId) || blockedAccounts.includes(facts.accountName)) {
    return 'This account cannot use the app. Please contact the vendor.';
  }
  if (!isAmong(facts.region, guards.regions)) return 'The app is not available in this region.';
  if (!isAmong(facts.plan, guards.plans)) return 'The app is not available with this plan.';
  if (maxUsers !== undefined && facts.users > maxUsers) {
    return `The app takes at most ${maxUsers} users; ${facts.users} are licensed.`;
  }
  if (facts.kind === 'install' && maxInstallations !== undefined && facts.activeInstallations >= maxInstallations) {
    return 'The app takes no more installations at the moment. Please contact the vendor.';
  }
  return null;
}
