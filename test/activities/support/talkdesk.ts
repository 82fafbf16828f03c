import { TalkdeskError, type TalkdeskFailureClass } from '../../../talkdesk/errors.js';
import type {
  CallLimits,
  InstallationAccess,
  StateMeaning,
  StateVerb,
  TalkdeskClient,
  TalkdeskInstallation,
  TalkdeskSubscription,
} from '../../../talkdesk/types.js';

/** A word of Talkdesk's for each meaning (talkdesk-api.md 4.4). */
const WORDS: Readonly<Record<StateMeaning, string>> = {
  waiting: 'installing',
  accepted: 'completed',
  refused: 'rejected',
  dead: 'timeout',
  suspended: 'suspended',
  gone: 'revoked',
  unknown: 'hibernating',
};

/** Talkdesk as one installation's processes see it: a state that a decision changes at once, unless told otherwise. */
export interface FakeTalkdesk extends TalkdeskClient {
  state: StateMeaning;
  /** What the next readings show instead, one after the other. */
  readings: StateMeaning[];
  /** Takes the place of the usual word for the state. */
  stateWord: string | null;
  stateUpdatedAt: Date | null;
  autoProvisionFilters: TalkdeskInstallation['autoProvisionFilters'];
  subscription: TalkdeskSubscription;
  failing: Partial<Record<keyof TalkdeskClient, Error>>;
  /** What a state call does, instead of putting the decision into force. */
  onPost: ((verb: StateVerb) => void) | null;
  posts: { verb: StateVerb; reason: string }[];
  /** Client ids of the credentials that were acknowledged. */
  acknowledged: string[];
  /** In whose name calls were made. */
  seenAccess: InstallationAccess[];
  seenLimits: CallLimits[];
}

/** A failed call, as the client throws it. */
export function talkdeskError(
  failureClass: TalkdeskFailureClass,
  more: { status?: number; retryAfterMs?: number } = {},
): TalkdeskError {
  return new TalkdeskError({ failureClass, operation: 'ask', ...more }, 'Talkdesk was not pleased.');
}

/** Writes every call to the journal. */
export function fakeTalkdesk(journal: string[]): FakeTalkdesk {
  const called = (method: keyof TalkdeskClient, access: InstallationAccess, limits: CallLimits, words = '') => {
    journal.push(`${method}${words}`);
    fake.seenAccess.push(access);
    fake.seenLimits.push(limits);
    const error = fake.failing[method];
    if (error !== undefined) throw error;
  };
  const fake: FakeTalkdesk = {
    state: 'waiting',
    readings: [],
    stateWord: null,
    stateUpdatedAt: new Date('2026-01-05T10:00:01Z'),
    autoProvisionFilters: [],
    subscription: { id: 'plan-1', type: 'paid', licenseType: 'individual', name: 'Paid Plus', totalLicenses: 10 },
    failing: {},
    onPost: null,
    posts: [],
    acknowledged: [],
    seenAccess: [],
    seenLimits: [],

    async ensureToken(access, limits) {
      called('ensureToken', access, limits);
      return { fresh: true };
    },
    async readAccount(access, limits) {
      called('readAccount', access, limits);
      return { id: 'account-1', name: 'acme', companyName: 'Acme Inc.', timezone: 'Europe/Lisbon' };
    },
    async readInstallation(access, limits) {
      called('readInstallation', access, limits);
      const state = fake.readings.shift() ?? fake.state;
      return {
        id: 'installation-1',
        accountId: 'account-1',
        stateWord: fake.stateWord ?? WORDS[state],
        state,
        stateUpdatedAt: fake.stateUpdatedAt,
        scopes: ['apps:read', 'apps:write'],
        totalLicenses: 20,
        autoProvisionFilters: fake.autoProvisionFilters,
        createdBy: { id: 'user-1', email: 'one@acme.test', name: 'One' },
      };
    },
    async readUsers(access, limits, onPage) {
      called('readUsers', access, limits);
      onPage?.({ read: 2, total: null });
      return [
        { id: 'user-1', email: 'one@acme.test', name: 'One', active: true },
        { id: 'user-2', email: null, name: null, active: null },
      ];
    },
    async readSubscription(access, limits) {
      called('readSubscription', access, limits);
      return fake.subscription;
    },
    async postState(access, verb, reason, limits) {
      fake.posts.push({ verb, reason });
      called('postState', access, limits, `: ${verb}`);
      if (fake.onPost !== null) fake.onPost(verb);
      else fake.state = verb === 'approve' ? 'accepted' : 'refused';
    },
    async acknowledgeCredentials(access, clientId, limits) {
      called('acknowledgeCredentials', access, limits);
      fake.acknowledged.push(clientId);
    },
    async requestRotation(access, limits) {
      called('requestRotation', access, limits);
    },
    forgetTokens() {
      journal.push('forgetTokens');
    },
  };
  return fake;
}
