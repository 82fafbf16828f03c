import assert from 'node:assert/strict';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { type Activities, createActivities } from '../../../activities/index.js';
import type { AppRules } from '../../../activities/policy.js';
import type { LifecycleFact } from '../../../contracts/facts.js';
import type { Processes } from '../../../store/types.js';
import { TalkdeskDataError } from '../../../talkdesk/errors.js';
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
  /** What the app's owner decided: nothing, unless a test says otherwise. */
  rules: AppRules;
  /** Address of the service for products, if it has one. */
  publicUrl: string | null;
  /** Errors in the log, with the reason that they give. */
  errors: string[];
  /** Moves business time to this moment. */
  setNow(now: Date): void;
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
  let now = NOW;
  const activities = createActivities({
    processes: options.processes ?? processes,
    talkdesk,
    events: {
      parseInstalled: readBody,
      parseChange: readBody,
      parseRotated: readBody,
      parseTrial: readBody,
      parseLogout: readBody,
      withoutSecrets: (rawBody) =>
        JSON.stringify({ about: readBody<{ installationId: string }>(rawBody).installationId }),
      assertKeyFits: (_privateKey, keyAlgorithm) => {
        if (keyAlgorithm === 'PS512') throw new TalkdeskDataError('The private key does not fit.');
      },
      assertKnownHosts: ({ apiRoot }) => {
        if (apiRoot !== 'https://api.talkdeskapp.com') throw talkdeskError('needs-person');
      },
    },
    productFor: (appId) => {
      assert.equal(appId, 'app-1');
      return product;
    },
    rulesFor: (appId) => {
      assert.equal(appId, 'app-1');
      return bench.rules;
    },
    regionOf: (apiRoot) => (apiRoot === 'https://api.talkdeskapp.com' ? 'us' : null),
    callbackUrlFor: (processId) => (bench.publicUrl === null ? undefined : `${bench.publicUrl}/${processId}`),
    now: () => now,
    observe: (fact) => facts.push(fact),
    random: () => 0,
  });
  const bench: Bench = {
    async run<N extends Name>(name: N, input: Input<N>, as: AttemptKind = {}): Promise<Result<N>> {
      const { isLocal = false, attempt = 1 } = as;
      // Failures are what these tests are about; they are not worth a warning each.
      const environment = new MockActivityEnvironment(
        { isLocal, attempt },
        {
          logger: new DefaultLogger('ERROR', ({ message, meta }) =>
            bench.errors.push(`${message}: ${meta?.['reason']}`),
          ),
        },
      );
      as.within?.(environment);
      const activity = activities[name] as (input: Input<N>) => Promise<Result<N>>;
      return await environment.run<[Input<N>], Result<N>, typeof activity>(activity, input);
    },
    processes,
    talkdesk,
    product,
    rules: { policy: [], seats: 'assignment-order' },
    publicUrl: null,
    errors: [],
    setNow(moment) {
      now = moment;
    },
    facts,
    journal,
  };
  return bench;
}

/** Bodies of these tests are what their reader gives; anything else is as unusable as a reader finds it. */
function readBody<T>(rawBody: Buffer): T {
  const text = rawBody.toString('utf8');
  if (!text.startsWith('{')) throw new TalkdeskDataError('The event lacks usable fields', ['private_key']);
  return JSON.parse(text, (key, value) => (/(At)$/.test(key) && value !== null ? new Date(value) : value)) as T;
}
