import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Judged, judgeAfter, judgeBefore } from '../../activities/judgement.js';
import type { DecisionResult } from '../../contracts/messages.js';
import type { ActionableState, DecisionVerb } from '../../contracts/outcomes.js';
import { talkdeskError } from './support/talkdesk.js';

/** The event was at ten, an attempt of this process at 10:00:05.400, its installation was approved before at eight. */
const EVENT_AT = new Date('2026-01-05T10:00:00Z');
const ATTEMPTED_AT = new Date('2026-01-05T10:00:05.400Z');
const AT_EIGHT = new Date('2026-01-05T08:00:00Z');

type Before = Partial<Omit<Judged, 'kind' | 'eventCreatedAt'>>;
const NOTHING: Before = {};
const SENT_APPROVE: Before = { decision: 'approve', decisionAttemptedAt: ATTEMPTED_AT };
const SENT_REJECT: Before = { decision: 'reject', decisionAttemptedAt: ATTEMPTED_AT };
/** A process of the same installation was about to approve. */
const OTHER_TRIED: Before = { approvalTried: true };
/** An approval that stands: older than this event, of its own second (events have whole ones), younger. */
const EARLIER: Before = { approvalTried: true, earlierApprovalAt: AT_EIGHT };
const SAME_SECOND: Before = { approvalTried: true, earlierApprovalAt: new Date('2026-01-05T10:00:00.999Z') };
const LATER: Before = { approvalTried: true, earlierApprovalAt: new Date('2026-01-05T10:00:01Z') };

const judged = (kind: 'install' | 'update', before: Before): Judged => ({
  kind,
  eventCreatedAt: EVENT_AT,
  decision: null,
  decisionAttemptedAt: null,
  earlierApprovalAt: null,
  approvalTried: false,
  ...before,
});

/** What becomes of it: sent, or in the words of docs/lifecycle.md. */
type Verdict = 'send' | 'ours' | 'rejected' | 'contradicted' | 'expired' | 'superseded';

function resultOf(verdict: Verdict, decision: DecisionVerb, state: ActionableState): DecisionResult | null {
  if (verdict === 'send') return null;
  if (verdict === 'ours') return { result: decision === 'approve' ? 'approved' : 'rejected' };
  if (verdict === 'rejected') return { result: 'rejected' };
  assert.ok(state !== 'waiting');
  return { result: 'ended', remoteState: state };
}

type Row = [before: Before, what: string, state: ActionableState, decision: DecisionVerb, verdict: Verdict];

const INSTALL: Row[] = [
  [NOTHING, 'nothing sent', 'waiting', 'approve', 'send'],
  [SENT_APPROVE, 'sent before', 'waiting', 'approve', 'send'],
  [NOTHING, 'nothing sent', 'waiting', 'reject', 'send'],
  [SENT_REJECT, 'sent before', 'waiting', 'reject', 'send'],
  [NOTHING, 'nothing sent that the tables know of', 'accepted', 'approve', 'ours'],
  [SENT_APPROVE, 'sent before', 'accepted', 'approve', 'ours'],
  [OTHER_TRIED, 'another process tried', 'accepted', 'approve', 'ours'],
  [SENT_REJECT, 'a reject sent before', 'accepted', 'approve', 'contradicted'],
  [NOTHING, 'nothing sent', 'accepted', 'reject', 'contradicted'],
  [SENT_APPROVE, 'an approve sent before', 'accepted', 'reject', 'contradicted'],
  [OTHER_TRIED, 'another process approved', 'accepted', 'reject', 'contradicted'],
  [NOTHING, 'nothing sent that the tables know of', 'refused', 'approve', 'rejected'],
  [SENT_APPROVE, 'sent before', 'refused', 'approve', 'contradicted'],
  [SENT_REJECT, 'a reject sent before', 'refused', 'approve', 'rejected'],
  [NOTHING, 'nothing sent that the tables know of', 'refused', 'reject', 'ours'],
  [SENT_REJECT, 'sent before', 'refused', 'reject', 'ours'],
  [OTHER_TRIED, 'another process tried to approve', 'refused', 'reject', 'ours'],
  [SENT_APPROVE, 'an approve sent before', 'refused', 'reject', 'contradicted'],
  [NOTHING, 'nothing sent', 'dead', 'approve', 'expired'],
  [SENT_APPROVE, 'sent before', 'dead', 'approve', 'expired'],
  [SENT_REJECT, 'sent before', 'dead', 'reject', 'expired'],
  [NOTHING, 'nothing sent', 'gone', 'approve', 'superseded'],
  [SENT_APPROVE, 'sent before', 'gone', 'approve', 'superseded'],
  [SENT_REJECT, 'sent before', 'gone', 'reject', 'superseded'],
];

const UPDATE: Row[] = [
  [EARLIER, 'the installation approved before', 'waiting', 'approve', 'send'],
  [{ ...EARLIER, ...SENT_APPROVE }, 'sent before', 'waiting', 'approve', 'send'],
  [EARLIER, 'the installation approved before', 'waiting', 'reject', 'send'],
  // The installation's earlier approval is not mistaken for an answer to this update.
  [EARLIER, 'the installation approved before', 'accepted', 'approve', 'send'],
  [OTHER_TRIED, 'another process tried', 'accepted', 'approve', 'send'],
  [{ ...EARLIER, ...SENT_APPROVE }, 'sent before', 'accepted', 'approve', 'ours'],
  [SAME_SECOND, 'an approve in the second of the event', 'accepted', 'approve', 'send'],
  [LATER, 'an approve after the event', 'accepted', 'approve', 'ours'],
  [{ ...EARLIER, ...SENT_REJECT }, 'a reject sent before', 'accepted', 'approve', 'send'],
  [EARLIER, 'the installation approved before', 'accepted', 'reject', 'send'],
  [LATER, 'an approve after the event', 'accepted', 'reject', 'send'],
  [{ ...EARLIER, ...SENT_REJECT }, 'sent before', 'accepted', 'reject', 'ours'],
  [EARLIER, 'nothing sent', 'refused', 'approve', 'contradicted'],
  [{ ...EARLIER, ...SENT_APPROVE }, 'sent before', 'refused', 'approve', 'contradicted'],
  [EARLIER, 'nothing sent', 'refused', 'reject', 'contradicted'],
  [{ ...EARLIER, ...SENT_REJECT }, 'sent before', 'refused', 'reject', 'ours'],
  [EARLIER, 'nothing sent', 'dead', 'approve', 'expired'],
  [{ ...EARLIER, ...SENT_APPROVE }, 'sent before', 'dead', 'approve', 'expired'],
  [EARLIER, 'nothing sent', 'gone', 'approve', 'superseded'],
  [{ ...EARLIER, ...SENT_REJECT }, 'sent before', 'gone', 'reject', 'superseded'],
];

for (const [kind, table] of [
  ['install', INSTALL],
  ['update', UPDATE],
] as const) {
  describe(`before deciding an ${kind}`, () => {
    for (const [before, what, state, decision, verdict] of table) {
      it(`${state}, ${what}, to ${decision}: ${verdict}`, () => {
        // Talkdesk's times have whole seconds: an attempt within one may have caused what it shows.
        const reading = { state, updatedAt: new Date('2026-01-05T10:00:05Z') };
        assert.deepEqual(judgeBefore(judged(kind, before), decision, reading), resultOf(verdict, decision, state));
      });
    }
  });
}

describe('an accepted state and its time', () => {
  const judge = (kind: 'install' | 'update', updatedAt: Date | null, decision: DecisionVerb = 'approve') =>
    judgeBefore(judged(kind, { ...EARLIER, decision, decisionAttemptedAt: ATTEMPTED_AT }), decision, {
      state: 'accepted',
      updatedAt,
    });

  for (const decision of ['approve', 'reject'] as const) {
    it(`older than our attempt to ${decision} an update: it did not get through, and is sent again`, () => {
      assert.equal(judge('update', new Date('2026-01-05T10:00:04Z'), decision), null);
      assert.equal(judge('update', null, decision), null);
    });
  }

  it('does not matter to an install: nothing else approves one, whatever Talkdesk’s clock says', () => {
    for (const updatedAt of [AT_EIGHT, null]) assert.deepEqual(judge('install', updatedAt), { result: 'approved' });
  });
});

describe('after deciding', () => {
  type AfterRow = [kind: 'install' | 'update', DecisionVerb, ActionableState, Verdict];
  const table: AfterRow[] = [
    ['install', 'approve', 'waiting', 'send'],
    ['install', 'approve', 'accepted', 'ours'],
    ['install', 'approve', 'refused', 'contradicted'],
    ['install', 'approve', 'dead', 'expired'],
    ['install', 'approve', 'gone', 'superseded'],
    ['install', 'reject', 'waiting', 'send'],
    ['install', 'reject', 'accepted', 'contradicted'],
    ['install', 'reject', 'refused', 'ours'],
    ['install', 'reject', 'dead', 'expired'],
    ['install', 'reject', 'gone', 'superseded'],
    ['update', 'approve', 'waiting', 'send'],
    ['update', 'approve', 'accepted', 'ours'],
    ['update', 'approve', 'refused', 'contradicted'],
    ['update', 'approve', 'dead', 'expired'],
    ['update', 'approve', 'gone', 'superseded'],
    ['update', 'reject', 'waiting', 'send'],
    // A reject leaves the installation as it was, with its old settings.
    ['update', 'reject', 'accepted', 'ours'],
    ['update', 'reject', 'refused', 'ours'],
    ['update', 'reject', 'dead', 'expired'],
    ['update', 'reject', 'gone', 'superseded'],
  ];
  for (const [kind, decision, state, verdict] of table) {
    it(`${kind}, to ${decision}, taken, and then ${state}: ${verdict === 'send' ? 'not yet' : verdict}`, () => {
      assert.deepEqual(judgeAfter(judged(kind, {}), decision, null, state), resultOf(verdict, decision, state));
    });
  }

  it('an update’s accepted after a 403 or a 404 is the state before it; after a 409 it is the answer', () => {
    const after = (error: ReturnType<typeof talkdeskError>) =>
      judgeAfter(judged('update', EARLIER), 'approve', error, 'accepted');
    assert.equal(after(talkdeskError('needs-person', { status: 403 })), null);
    assert.equal(after(talkdeskError('gone', { status: 404 })), null);
    assert.deepEqual(after(talkdeskError('conflict', { status: 409 })), { result: 'approved' });
  });

  it('an install’s accepted is ours, whatever Talkdesk answered', () => {
    for (const error of [talkdeskError('needs-person'), talkdeskError('gone'), talkdeskError('conflict')]) {
      assert.deepEqual(judgeAfter(judged('install', {}), 'approve', error, 'accepted'), { result: 'approved' });
    }
  });
});
