import type { Clock } from '../contracts/clock.js';
import type { Observer } from '../contracts/facts.js';
import type { Product } from '../product/port.js';
import type { Processes } from '../store/types.js';
import type {
  ChangeEvent,
  InstalledEvent,
  LogoutEvent,
  RotatedEvent,
  TalkdeskClient,
  TrialEvent,
} from '../talkdesk/types.js';
import type { RunAttempt } from './attempts.js';
import type { Breakers } from './breakers.js';
import type { AppRules } from './policy.js';

/** Readers of event bodies, from talkdesk/. Each throws when the body cannot be used. */
export interface EventReaders {
  parseInstalled(rawBody: Buffer): InstalledEvent;
  parseChange(rawBody: Buffer): ChangeEvent;
  parseRotated(rawBody: Buffer): RotatedEvent;
  parseTrial(rawBody: Buffer): TrialEvent;
  parseLogout(rawBody: Buffer): LogoutEvent;
  /** Throws a `TalkdeskDataError` when a private key is not of the kind that the algorithm needs. */
  assertKeyFits(privateKey: string, keyAlgorithm: string): void;
  /** The body as JSON text, without anything secret. */
  withoutSecrets(rawBody: Buffer): string;
  /** Throws a `TalkdeskError` that needs a person when an address of the event is not in the region table. */
  assertKnownHosts(event: Pick<InstalledEvent, 'apiRoot' | 'tokenUrl' | 'authorizationUrl' | 'userinfoUrl'>): void;
}

/** What the activities reach the outside through. */
export interface ActivityDeps {
  processes: Processes;
  talkdesk: TalkdeskClient;
  events: EventReaders;
  productFor(appId: string): Product;
  /** Decision policy and seat policy of an app (APPS_FILE). */
  rulesFor(appId: string): AppRules;
  /** Name of the region whose gateway this is, or null when the table has none. */
  regionOf(apiRoot: string): string | null;
  /** Where the product of this process may ask to be polled at once; undefined where the service has no public address. */
  callbackUrlFor(processId: string): string | undefined;
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
