import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  countsInstallations,
  type PolicyFacts,
  type Rule,
  type RuleGuards,
  type RuleMatch,
  verdictOf,
} from '../../activities/policy.js';

const FACTS: PolicyFacts = {
  kind: 'install',
  accountId: 'account-1',
  accountName: 'acme',
  plan: 'Paid Plus',
  region: 'us',
  users: 10,
  activeInstallations: 3,
};

const rule = (changes: Partial<Rule>): Rule => ({
  match: {},
  mode: 'automatic',
  atDue: 'lapse',
  guards: {},
  ...changes,
});
const facts = (changes: Partial<PolicyFacts>): PolicyFacts => ({ ...FACTS, ...changes });

describe('a policy', () => {
  it('is automatic without a rule, and where none matches', () => {
    assert.deepEqual(verdictOf([], FACTS), { mode: 'automatic' });
    assert.deepEqual(verdictOf([rule({ match: { regions: ['eu'] }, mode: 'manual' })], FACTS), { mode: 'automatic' });
  });

  for (const atDue of ['approve', 'reject', 'lapse'] as const) {
    it(`leaves it to a person where a manual rule matches, with what happens at due: ${atDue}`, () => {
      assert.deepEqual(verdictOf([rule({ mode: 'manual', atDue })], FACTS), { mode: 'manual', atDue });
    });
  }

  it('takes the first rule that matches, and looks no further', () => {
    const rules = [
      rule({ match: { plans: ['Trial'] }, guards: { maxUsers: 0 } }),
      rule({ match: { plans: ['Paid Plus'] }, mode: 'manual', atDue: 'reject' }),
      rule({ guards: { blockedAccounts: ['account-1'] } }),
    ];
    assert.deepEqual(verdictOf(rules, FACTS), { mode: 'manual', atDue: 'reject' });
  });

  it('does not go on to the next rule when a guard of the first fails', () => {
    const rules = [rule({ guards: { maxUsers: 1 } }), rule({ mode: 'manual', atDue: 'approve' })];
    assert.equal(verdictOf(rules, FACTS).mode, 'reject');
  });

  it('rejects before a person is asked where a guard of a manual rule fails', () => {
    assert.equal(verdictOf([rule({ mode: 'manual', guards: { maxUsers: 1 } })], FACTS).mode, 'reject');
  });
});

describe('what a rule is about', () => {
  const table: [match: RuleMatch, PolicyFacts, matches: boolean][] = [
    [{}, FACTS, true],
    [{ kinds: ['install'] }, FACTS, true],
    [{ kinds: ['update'] }, FACTS, false],
    [{ kinds: ['install', 'update'] }, facts({ kind: 'update' }), true],
    [{ plans: ['Trial', 'Paid Plus'] }, FACTS, true],
    [{ plans: ['Trial'] }, FACTS, false],
    [{ plans: ['Paid Plus'] }, facts({ plan: null }), false],
    [{ regions: ['us'] }, FACTS, true],
    [{ regions: ['eu'] }, FACTS, false],
    [{ regions: ['us'] }, facts({ region: null }), false],
    [{ plans: ['Paid Plus'], regions: ['eu'] }, FACTS, false],
    [{ plans: ['Paid Plus'], regions: ['us'], kinds: ['install'] }, FACTS, true],
    [{ plans: [] }, FACTS, false],
  ];
  for (const [match, about, matches] of table) {
    it(`${JSON.stringify(match)} ${matches ? 'holds' : 'does not hold'} for ${about.kind}, ${about.plan}, ${about.region}`, () => {
      assert.equal(verdictOf([rule({ match, mode: 'manual' })], about).mode, matches ? 'manual' : 'automatic');
    });
  }
});

describe('a guard', () => {
  const table: [guards: RuleGuards, PolicyFacts, reason: RegExp | null][] = [
    [{ maxUsers: 10 }, FACTS, null],
    [{ maxUsers: 9 }, FACTS, /at most 9 users; 10 are licensed/],
    [{ maxUsers: 0 }, facts({ users: 0 }), null],
    [{ maxInstallations: 4 }, FACTS, null],
    [{ maxInstallations: 3 }, FACTS, /no more installations/],
    [{ maxInstallations: 0 }, facts({ activeInstallations: 0 }), /no more installations/],
    [{ maxInstallations: 0 }, facts({ kind: 'update' }), null],
    [{ regions: ['us', 'eu'] }, FACTS, null],
    [{ regions: ['eu'] }, FACTS, /not available in this region/],
    [{ regions: ['us'] }, facts({ region: null }), /not available in this region/],
    [{ plans: ['Paid Plus'] }, FACTS, null],
    [{ plans: ['Paid'] }, FACTS, /not available with this plan/],
    [{ plans: ['Paid'] }, facts({ plan: null }), /not available with this plan/],
    [{ blockedAccounts: ['account-2', 'other'] }, FACTS, null],
    [{ blockedAccounts: ['account-1'] }, FACTS, /cannot use the app/],
    [{ blockedAccounts: ['acme'] }, facts({ kind: 'update' }), /cannot use the app/],
  ];
  for (const [guards, about, reason] of table) {
    it(`${JSON.stringify(guards)} ${reason === null ? 'holds' : 'rejects'}: ${about.kind}, ${about.users} users`, () => {
      const verdict = verdictOf([rule({ guards })], about);
      if (reason === null) assert.deepEqual(verdict, { mode: 'automatic' });
      else {
        assert.equal(verdict.mode, 'reject');
        assert.match(verdict.mode === 'reject' ? verdict.reason : '', reason);
      }
    });
  }

  it('does not tell a blocked account about the other guards', () => {
    const verdict = verdictOf([rule({ guards: { blockedAccounts: ['acme'], maxUsers: 1, regions: ['eu'] } })], FACTS);
    assert.deepEqual(verdict, {
      mode: 'reject',
      reason: 'This account cannot use the app. Please contact the vendor.',
    });
  });
});

describe('counting installations', () => {
  it('is needed only where a rule limits them', () => {
    assert.equal(countsInstallations([]), false);
    assert.equal(countsInstallations([rule({ guards: { maxUsers: 1 } })]), false);
    assert.equal(countsInstallations([rule({}), rule({ guards: { maxInstallations: 0 } })]), true);
  });
});
