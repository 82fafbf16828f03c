import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SHIPPED_REGION_NAMES } from '../../config/regions.js';
import { SHIPPED_REGIONS } from '../../talkdesk/regions.js';
import { file, load, problemsOf } from './environment.js';

const withPolicy = (policy: unknown) => ({ APPS_FILE: file('policy-apps.json', { a: { policy } }) });
const policyOf = (policy: unknown) => load(withPolicy(policy)).apps['a']?.policy;

describe('decision policies', () => {
  it('are lists of rules, and read as they are written', () => {
    const rules = [
      {
        match: { plans: ['Trial'], regions: ['us', 'au-mytalkdesk'], kinds: ['install'] },
        mode: 'manual',
        atDue: 'lapse',
        guards: {
          maxInstallations: 0,
          maxUsers: 500,
          regions: ['eu'],
          plans: ['Paid'],
          blockedAccounts: ['account-1', 'account-2'],
        },
      },
      { match: { kinds: ['install', 'update'] }, mode: 'automatic', atDue: 'reject', guards: {} },
    ];
    const [first, { atDue: _none, ...second }] = rules as [object, { atDue: string }];
    assert.deepEqual(policyOf([first, second]), rules);
  });

  it('match everything, are automatic and have no guards where they do not say otherwise; manual ones reject at due', () => {
    const unguarded = { match: {}, mode: 'automatic', atDue: 'reject', guards: {} };
    assert.deepEqual(policyOf({}), [unguarded]);
    assert.deepEqual(policyOf({ mode: 'manual' }), [{ ...unguarded, mode: 'manual' }]);
    assert.deepEqual(policyOf({ mode: 'manual', atDue: 'approve' }), [
      { ...unguarded, mode: 'manual', atDue: 'approve' },
    ]);
    assert.deepEqual(policyOf([]), []);
  });

  it('may use the regions of the service and those of the file', () => {
    assert.deepEqual(
      [...SHIPPED_REGION_NAMES],
      SHIPPED_REGIONS.map(({ name }) => name),
    );
    const TALKDESK_REGIONS_FILE = file('xx.json', [{ name: 'xx', gateway: 'https://xx', tokenHosts: [] }]);
    const apps = withPolicy({ match: { regions: ['xx', 'uk'] } });
    assert.deepEqual(load({ ...apps, TALKDESK_REGIONS_FILE }).apps['a']?.policy[0]?.match, { regions: ['xx', 'uk'] });
    assert.deepEqual(problemsOf(apps), [
      'APPS_FILE a.policy.0.match.regions.0: there is no such region; known are us, eu, ca, au, au-mytalkdesk, uk',
    ]);
    const broken = problemsOf({ ...apps, TALKDESK_REGIONS_FILE: file('broken-regions.json', '[') });
    assert.equal(broken.length, 1, broken.join('\n'));
    assert.match(broken[0] ?? '', /^TALKDESK_REGIONS_FILE/);
  });

  it('report everything that is wrong at once', () => {
    assert.deepEqual(
      problemsOf(withPolicy([{ mode: 'perhaps', guards: { maxUsers: -1 } }, { match: { kinds: ['uninstall'] } }])),
      [
        'APPS_FILE a.policy.0.mode: must be one of automatic, manual',
        'APPS_FILE a.policy.0.guards.maxUsers: must be a whole number from 0 to 1000000',
        'APPS_FILE a.policy.1.match.kinds.0: must be one of install, update',
      ],
    );
  });

  for (const [name, policy, expected] of [
    ['no object', 'manual', 'policy.0: must be an object; allowed are match, mode, atDue and guards'],
    ['null', null, 'policy.0: must be an object; allowed are match, mode, atDue and guards'],
    ['an unknown key', { when: {} }, 'policy.0: when is unknown; allowed are match, mode, atDue and guards'],
    [
      'an unknown thing to match',
      { match: { accounts: ['x'] } },
      'policy.0.match: accounts is unknown; allowed are plans, regions and kinds',
    ],
    [
      'an unknown guard',
      { guards: { users: 5 } },
      'policy.0.guards: users is unknown; allowed are maxInstallations, maxUsers, regions, plans and blockedAccounts',
    ],
    ['no plan', { match: { plans: [] } }, 'policy.0.match.plans: must name at least one'],
    ['one plan, not a list', { guards: { plans: 'Paid' } }, 'policy.0.guards.plans: must be a list of plan names'],
    ['a number as plan', { guards: { plans: [1] } }, 'policy.0.guards.plans.0: must be a text'],
    ['an empty account', { guards: { blockedAccounts: [''] } }, 'policy.0.guards.blockedAccounts.0: must not be empty'],
    [
      'half an installation',
      { guards: { maxInstallations: 1.5 } },
      'policy.0.guards.maxInstallations: must be a whole number from 0 to 1000000',
    ],
    ['an unknown default', { mode: 'manual', atDue: 'wait' }, 'policy.0.atDue: must be one of approve, reject, lapse'],
    [
      'a default that is never used',
      { atDue: 'approve' },
      'policy.0.atDue: means something only with "mode": "manual"',
    ],
    [
      'a rule that is never reached',
      [{ mode: 'manual' }, { match: { plans: ['Paid'] } }],
      'policy.1: is never reached: the rule before it matches everything',
    ],
  ] as [string, unknown, string][]) {
    it(`are refused: ${name}`, () => {
      assert.deepEqual(problemsOf(withPolicy(policy)), [`APPS_FILE a.${expected}`]);
    });
  }
});
