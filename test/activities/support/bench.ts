import assert from 'node:assert/strict';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { type Activities, createActivities } from '../../../activities/index.js';
import type { LifecycleFact } from '../../../contracts/facts.js';
import type { Processes } from '../../../store/types.js';
import { TalkdeskDataError } from '../../../talkdesk/errors.js';
import type { InstalledEvent } from '../../../talkdesk/types.js';
import { type FakeProcesses, fakeProcesses } from './processes.js';
import { type FakeProduct, fakeProduct } from './product.js';
import { type FakeTalkdesk, fakeTalkdesk, talkdeskError } from './talkdesk.js';

/** Business time of every test. */
export const NOW = new Date('2026-01-05T10:00:02Z');

type Name = keyof Activities;
type Input<N extends Name> = Parameters<Activities[N]>[0];
type Result<N extends Name> = Awaited<ReturnType<Activities[N]>>;

/** Which attempt an activity is run as; the first regular one unless told. */
export interface AttemptKind {
  isLocal?: boolean;
  attempt?: number;
  /** Gets the environment before the activity runs in it, for cancelling and heartbeats. */
  within?: (environment: MockActivityEnvironment) => void;
}

/** The activities over fakes. */
export interface Bench {
  /** Runs an activity in an environment of its own. */
  run<N extends Name>(name: N, input: Input<N>, as?: AttemptKind): Promise<Result<N>>;
  processes: FakeProcesses;
  talkdesk: FakeTalkdesk;
  product: FakeProduct;
  facts: LifecycleFact[];
  /** What was changed in the store and asked of Talkdesk and the product, in order. */
  journal: string[];
}

/** `processes` takes the place of the fake store. Jitter is none: every backoff is half its ceiling. */
export function createBench(options: { processes?: Processes } = {}): Bench {
  const journal: string[] = [];
  const facts: LifecycleFact[] = [];
  const processes = fakeProcesses(journal);
  const talkdesk = fakeTalkdesk(journal);
  const product = fakeProduct(journal);
  const activities = createActivities({
    processes: options.processes ?? processes,
    talkdesk,
    events: {
      parseInstalled: readBody,
      withoutSecrets: (rawBody) => JSON.stringify({ about: readBody(rawBody).installationId }),
      assertKnownHosts: ({ apiRoot }) => {
        if (apiRoot !== 'https://api.talkdeskapp.com') throw talkdeskError('needs-person');
      },
    },
    productFor: (appId) => {
      assert.equal(appId, 'app-1');
      return product;
    },
    now: () => NOW,
    observe: (fact) => facts.push(fact),
    random: () => 0,
  });
  return {
    async run<N extends Name>(name: N, input: Input<N>, as: AttemptKind = {}): Promise<Result<N>> {
      const { isLocal = false, attempt = 1 } = as;
      // Failures are what these tests are about; they are not worth a warning each.
      const environment = new MockActivityEnvironment({ isLocal, attempt }, { logger: new DefaultLogger('ERROR') });
      as.within?.(environment);
      const activity = activities[name] as (input: Input<N>) => Promise<Result<N>>;
      return await environment.run<[Input<N>], Result<N>, typeof activity>(activity, input);
    },
    processes,
    talkdesk,
    product,
    facts,
    journal,
  };
}

/** Bodies of these tests are the installed event itself; anything else is as unusable as a reader finds it. */
function readBody(rawBody: Buffer): InstalledEvent {
  const text = rawBody.toString('utf8');
  if (!text.startsWith('{')) throw new TalkdeskDataError('The event lacks usable fields', ['private_key']);
  return JSON.parse(text) as InstalledEvent;
}
