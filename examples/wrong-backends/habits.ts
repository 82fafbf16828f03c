import type { LifecycleEvent } from './event.js';
import { checkSignature, type Delivery, type FindKey, type Verdict } from './signature.js';

/** What a customer has bought: who may use the product, and the plan. */
export interface Settings {
  users: string[];
  plan: Record<string, unknown>;
}

/** Where one backend does well and another goes wrong; `defects.ts` replaces one habit at a time. */
export interface Habits {
  /** Does the delivery come from Talkdesk? */
  verdict(delivery: Delivery, findKey: FindKey): Promise<Verdict>;
  /** Was the event taken before? At-least-once delivery means that it may come again (talkdesk-api.md 1.5). */
  isRepeat(eventId: string, taken: ReadonlyMap<string, unknown>): boolean;
  /** Brings together the write to the disk and the 2xx. */
  take(commit: () => Promise<void>, acknowledge: () => void): Promise<void>;
  /** Does Talkdesk wait for an approval after an event of this type? */
  expectsApproval(type: string): boolean;
  /** What the customer has after an install or an update. */
  settingsAfter(event: LifecycleEvent, before: Settings | null, read: () => Promise<Settings>): Promise<Settings>;
  /** What follows an approved uninstall, when token and credentials are still at hand. */
  afterUninstall(approve: () => Promise<void>): Promise<void>;
  /** The `aud` of the assertion that a token is asked with. */
  audience(tokenUrl: string): string;
  /** Under which name the token of a client is kept. */
  tokenSlot(clientId: string): string;
  /** Answers after which one more attempt is made with a new token. */
  newTokenOn: readonly number[];
  /** How a call carries its token. */
  authorize(url: string, token: string): { url: string; headers: Record<string, string> };
  /** How long to wait after a failure: as Talkdesk asked, or as the backoff says. */
  waitMs(askedMs: number | null, backoffMs: number): number;
}

/** The habits of a backend that keeps to Talkdesk's contract. */
export const goodHabits: Habits = {
  verdict: checkSignature,
  isRepeat: (eventId, taken) => taken.has(eventId),
  async take(commit, acknowledge) {
    await commit();
    acknowledge();
  },
  expectsApproval: (type) => ['app.installed', 'app.updated', 'app.uninstalled'].includes(type),
  // The event holds a difference, and the one before it may be lost: only the API knows what is true (talkdesk-api.md 1.4).
  settingsAfter: (_event, _before, read) => read(),
  async afterUninstall() {},
  audience: (tokenUrl) => tokenUrl,
  tokenSlot: (clientId) => clientId,
  newTokenOn: [401],
  authorize: (url, token) => ({ url, headers: { authorization: `Bearer ${token}` } }),
  waitMs: (askedMs, backoffMs) => askedMs ?? backoffMs,
};
