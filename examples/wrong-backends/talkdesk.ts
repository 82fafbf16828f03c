import type { Installation } from './book.js';
import type { Clock } from './clock.js';
import { objectOf, textOf } from './event.js';
import { failureOf, Refused, TryLater } from './failures.js';
import type { Habits, Settings } from './habits.js';
import type { Tokens } from './tokens.js';

/** The calls of Talkdesk's Apps API that a life cycle needs (talkdesk-api.md 4). @throws TryLater or Refused */
export interface Talkdesk {
  /** Users and plan as they are now. */
  readSettings(installation: Installation): Promise<Settings>;
  /** The state in words, and since when. */
  readState(installation: Installation): Promise<{ state: string; since: number }>;
  approve(installation: Installation, reason: string): Promise<void>;
  /** Says that the client is in use. */
  acknowledge(installation: Installation, clientId: string): Promise<void>;
}

const requestLimitMs = 10_000;

/** Calls with the token of the very installation that they are about. */
export function createTalkdesk(deps: { habits: Habits; clock: Clock; tokens: Tokens }): Talkdesk {
  const { habits, clock, tokens } = deps;

  async function send(what: string, address: string, token: string, body: object | undefined): Promise<Response> {
    const { url, headers } = habits.authorize(address, token);
    try {
      return await fetch(url, {
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
        headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
        redirect: 'error',
        signal: AbortSignal.timeout(requestLimitMs),
      });
    } catch {
      throw new TryLater(`${what} was not answered`);
    }
  }

  async function call(what: string, installation: Installation, url: string, body?: object): Promise<Response> {
    let response = await send(what, url, await tokens.get(installation), body);
    if (habits.newTokenOn.includes(response.status)) {
      response = await send(what, url, await tokens.renew(installation), body);
    }
    if (!response.ok) throw await failureOf(what, response, clock.now());
    return response;
  }

  async function read(what: string, installation: Installation, url: string): Promise<Record<string, unknown>> {
    const response = await call(what, installation, url);
    const json: unknown = await response.json().catch(() => null);
    if (typeof json !== 'object' || json === null) throw new TryLater(`${what} cannot be read`);
    return json as Record<string, unknown>;
  }

  /** All pages, by their `next` links; an id that shifts from one page to the next counts once. */
  async function readUsers(installation: Installation): Promise<string[]> {
    const ids = new Set<string>();
    let url: string | undefined = `${pathOf(installation)}/users`;
    while (url !== undefined) {
      if (new URL(url).origin !== new URL(installation.root).origin) throw new Refused('users lead elsewhere', 400);
      const page = await read('the list of users', installation, url);
      const users = objectOf(page['_embedded'])['users'];
      if (!Array.isArray(users)) throw new TryLater('the list of users cannot be read');
      for (const user of users) ids.add(String(objectOf(user)['id']));
      url = textOf(objectOf(objectOf(page['_links'])['next'])['href']);
    }
    return [...ids];
  }

  return {
    async readSettings(installation) {
      const users = await readUsers(installation);
      const plan = await read('the subscription', installation, `${pathOf(installation)}/subscription`);
      return { users, plan };
    },
    async readState(installation) {
      const answer = await read('the installation', installation, pathOf(installation));
      const state = objectOf(objectOf(answer['_embedded'])['state']);
      return { state: textOf(state['state']) ?? 'unknown', since: Date.parse(String(state['updated_at'])) };
    },
    async approve(installation, reason) {
      const response = await call('the approval', installation, `${pathOf(installation)}/state`, {
        state: 'approve',
        reason,
      });
      // What a 2xx says besides is not needed, so it is not read.
      await response.body?.cancel();
    },
    async acknowledge(installation, clientId) {
      const url = `${pathOf(installation)}/credentials/${encodeURIComponent(clientId)}/state`;
      try {
        await call('the acknowledgement', installation, url, { state: 'acknowledged' });
      } catch (error) {
        // Acknowledged already (talkdesk-api.md 4.5).
        if (!(error instanceof Refused && error.status === 409)) throw error;
      }
    },
  };
}

function pathOf({ root, appId, id }: Installation): string {
  return `${root}/apps/${encodeURIComponent(appId)}/installations/${encodeURIComponent(id)}`;
}
