import { setTimeout as sleep } from 'node:timers/promises';
import { objectOf } from './event.js';
import type { Habits, Settings } from './habits.js';

/** One thing that a backend does wrong, as the habits that it replaces. */
export interface Defect {
  /** What happens to whom because of it. */
  harm: string;
  /** The scenario of `check` that is meant to find it. */
  foundBy: string;
  habits: Partial<Habits>;
}

/** Ten mistakes that partners make, each by its name. */
export const defects: Record<string, Defect> = {
  'no-dedupe': {
    harm: 'An event that Talkdesk sends twice is worked on twice: a second account, a second invoice, a second decision.',
    foundBy: 'duplicate-delivery',
    habits: { isRepeat: () => false },
  },

  'acks-before-commit': {
    harm: 'A crash between the 2xx and the write loses the event for good, and with it the only copy of the private key.',
    foundBy: 'durable-acknowledgement',
    habits: {
      async take(commit, acknowledge) {
        acknowledge();
        // The next batch is written in a second.
        await sleep(1_000);
        await commit();
      },
    },
  },

  'no-signature-check': {
    harm: 'Anybody who knows the URL can install, update and uninstall customers.',
    foundBy: 'signature-refused',
    habits: { verdict: async () => 'authentic' },
  },

  'applies-deltas': {
    harm: 'One lost or overtaken update, and users are shut out or used without being paid for until somebody compares by hand.',
    foundBy: 'lost-update-event',
    habits: {
      async settingsAfter(event, before, read) {
        if (event.type !== 'app.updated' || before === null) return read();
        return withDifference(before, event.data);
      },
    },
  },

  'approves-after-uninstall': {
    harm: 'The approval is for whatever waits at that moment: of an installation that is gone, or the next one, unseen.',
    foundBy: 'uninstall-approved',
    habits: {
      async afterUninstall(approve) {
        // The job that makes sure of every installation has not heard that this one is gone.
        await sleep(500);
        await approve();
      },
    },
  },

  'token-in-url': {
    harm: 'Whoever reads an access log, of a proxy or of Talkdesk, holds a key to the customer for ten minutes.',
    foundBy: 'no-secret-in-url',
    habits: {
      authorize(url, token) {
        const withToken = new URL(url);
        withToken.searchParams.set('access_token', token);
        return { url: withToken.href, headers: { authorization: `Bearer ${token}` } };
      },
    },
  },

  'ignores-retry-after': {
    harm: 'An overloaded Talkdesk is called all the more, and in the end blocks the caller: for all of its customers.',
    foundBy: 'retry-after-respected',
    habits: { waitMs: (_askedMs, backoffMs) => backoffMs },
  },

  'wrong-aud': {
    harm: 'No token, so no answer: every installation ends after seven days as failed.',
    foundBy: 'install-approved',
    habits: { audience: (tokenUrl) => `${new URL(tokenUrl).origin}/oauth/token` },
  },

  'one-token-for-all-installations': {
    harm: 'Right with one customer. With two, one is read with the rights of the other, or refused until the token is a new one.',
    foundBy: 'own-token-per-installation',
    habits: { tokenSlot: () => 'the token', newTokenOn: [401, 403] },
  },

  'never-approves-updates': {
    harm: 'The customer changes users or plan, waits for seven days, and gets a mail that it failed.',
    foundBy: 'update-approved',
    habits: { expectsApproval: (type) => ['app.installed', 'app.uninstalled'].includes(type) },
  },
};

function withDifference(before: Settings, data: Record<string, unknown>): Settings {
  const { adding, removing } = objectOf(data['users']);
  const gone = new Set(Array.isArray(removing) ? removing : []);
  const users = new Set([...before.users.filter((id) => !gone.has(id)), ...(Array.isArray(adding) ? adding : [])]);
  return { users: [...users], plan: { ...before.plan, ...objectOf(objectOf(data['subscription'])['adding']) } };
}
