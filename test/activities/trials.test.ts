import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { accessOfTrial, trialAfter } from '../../activities/trials.js';
import type { Trial } from '../../store/types.js';
import type { TrialEvent } from '../../talkdesk/types.js';

const at = (day: number) => new Date(Date.UTC(2026, 1, day));

const event = (type: TrialEvent['type'], changes: Partial<TrialEvent> = {}): TrialEvent => ({
  installationId: 'installation-1',
  accountId: 'account-1',
  type,
  expiresAt: null,
  endedAt: null,
  endedReason: null,
  ...changes,
});

const ACTIVE: Trial = { state: 'active', expiresAt: at(20), endedReason: null, eventCreatedAt: at(5) };
const ENDED: Trial = { state: 'ended', expiresAt: at(20), endedReason: 'trial_expired', eventCreatedAt: at(20) };

describe('where a trial is after an event', () => {
  it('begins with its start', () => {
    const started = event('app.trial_started', { expiresAt: at(20) });
    assert.deepEqual(trialAfter(null, started, at(5)), ACTIVE);
  });

  it('is active until later with an extension; one without a date leaves the date known', () => {
    const extended = event('app.trial_extended', { expiresAt: at(27) });
    assert.deepEqual(trialAfter(ACTIVE, extended, at(6)), { ...ACTIVE, expiresAt: at(27), eventCreatedAt: at(6) });
    assert.deepEqual(trialAfter(ACTIVE, event('app.trial_extended'), at(6)), { ...ACTIVE, eventCreatedAt: at(6) });
  });

  it('has ended with its end, for the reason it names', () => {
    const ended = event('app.trial_ended', { endedAt: at(20), endedReason: 'trial_expired' });
    assert.deepEqual(trialAfter(ACTIVE, ended, at(20)), ENDED);
  });

  it('may be known by its end alone', () => {
    assert.deepEqual(trialAfter(null, event('app.trial_ended'), at(20)), {
      state: 'ended',
      expiresAt: null,
      endedReason: null,
      eventCreatedAt: at(20),
    });
  });

  it('begins anew with a start after an end', () => {
    assert.deepEqual(trialAfter(ENDED, event('app.trial_started', { expiresAt: at(28) }), at(21)), {
      state: 'active',
      expiresAt: at(28),
      endedReason: null,
      eventCreatedAt: at(21),
    });
  });

  it('is not changed by an older event that comes later', () => {
    for (const type of ['app.trial_started', 'app.trial_extended', 'app.trial_ended'] as const) {
      const older = event(type, { expiresAt: at(28), endedReason: 'plan_upgraded' });
      assert.deepEqual(trialAfter(ENDED, older, at(19)), ENDED, type);
    }
  });
});

describe('what a trial means for the product account', () => {
  type Access = 'active' | 'suspended' | null;
  const table: [trial: Trial, plan: string | null | 'not asked', Access][] = [
    [ACTIVE, 'not asked', 'active'],
    [{ ...ENDED, endedReason: 'trial_expired' }, 'trial', 'suspended'],
    [{ ...ENDED, endedReason: 'trial_expired' }, null, 'suspended'],
    [{ ...ENDED, endedReason: 'trial_expired' }, 'paid', 'active'],
    [{ ...ENDED, endedReason: 'plan_upgraded' }, 'not asked', 'active'],
    [{ ...ENDED, endedReason: 'app_uninstalled' }, 'not asked', null],
    [{ ...ENDED, endedReason: 'some_new_reason' }, 'trial', 'suspended'],
    [{ ...ENDED, endedReason: 'some_new_reason' }, 'paid', 'active'],
    [{ ...ENDED, endedReason: '__proto__' }, 'trial', 'suspended'],
    [{ ...ENDED, endedReason: null }, null, 'suspended'],
  ];
  for (const [trial, plan, access] of table) {
    it(`${trial.state}, ${trial.endedReason}, plan ${plan}: ${access ?? 'as it is'}`, async () => {
      const planType = async () => {
        assert.notEqual(plan, 'not asked');
        return plan;
      };
      assert.equal(await accessOfTrial(trial, planType), access);
    });
  }
});
