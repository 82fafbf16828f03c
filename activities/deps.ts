import type { Clock } from '../contracts/clock.js';
import type { Observer } from '../contracts/facts.js';
import type { Product } from '../product/port.js';
import type { Processes } from '../store/types.js';
import type { InstalledEvent, TalkdeskClient } from '../talkdesk/types.js';
import type { RunAttempt } from './attempts.js';
import type { Breakers } from './breakers.js';

/** What the activities reach the outside through. */
export interface ActivityDeps {
  processes: Processes;
  talkdesk: TalkdeskClient;
  /** Readers of events, from talkdesk/. */
  events: {
    /** Throws when the body cannot be used. */
    parseInstalled(rawBody: Buffer): InstalledEvent;
    /** The body as JSON text, without anything secret. */
    withoutSecrets(rawBody: Buffer): string;
    /** Throws a `TalkdeskError` that needs a person when an address of the event is not in the region table. */
    assertKnownHosts(event: Pick<InstalledEvent, 'apiRoot' | 'tokenUrl' | 'authorizationUrl' | 'userinfoUrl'>): void;
  };
  productFor(appId: string): Product;
  now: Clock;
  observe: Observer;
  /** Uniform in [0, 1), for jitter. */
  random: () => number;
}

/** What each group of activities is made of. */
export interface ActivityParts extends ActivityDeps {
  runAttempt: RunAttempt;
  breakers: Breakers;
}
