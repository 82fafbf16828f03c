import type { EventRecord, Events } from '../events/events.js';
import type { World } from '../world/world.js';
import { createFigures, type Figures } from './figures.js';
import type { Ledger } from './ledger.js';
import { decisionRules } from './rules/decisions.js';
import { deliveryRules } from './rules/deliveries.js';
import { requestRules } from './rules/requests.js';
import type { Breach, Rule, Seen, Subject } from './rules/rule.js';
import { tokenRules } from './rules/tokens.js';

/** One rule and how it was kept. */
export interface Verdict {
  rule: string;
  title: string;
  source: string;
  /** `not-seen`: nothing has happened that it could be judged by. */
  status: 'kept' | 'broken' | 'not-seen';
  /** How many times it was looked at. */
  checked: number;
  /** How many times it was broken. */
  broken_total: number;
  /** The last ones, oldest first. */
  broken: ({ installation_id: string | null } & Breach)[];
}

/** Whose conduct: the backend's of one app, or what it did for one installation. */
export interface VerdictFilter {
  appId?: string;
  installationId?: string;
}

/** Judges the conduct of backends by what came in, what was sent and what became of it; nothing is changed by it. */
export interface Oracle {
  verdicts(filter: VerdictFilter): { rules: Verdict[]; figures: Figures };
}

/** Every rule, in the order in which they are shown: deliveries, tokens, requests, decisions. */
const rules: readonly Rule[] = [...deliveryRules, ...tokenRules, ...requestRules, ...decisionRules];

/** A rule that is broken with each request would make an answer of hundreds of thousands of entries. */
const breachesShown = 200;

/** An oracle over this world; it reads everything anew each time, so it is always right and costs nothing in between. */
export function createOracle(deps: { world: World; ledger: Ledger; events: Events; now: () => Date }): Oracle {
  const { world, ledger, events, now } = deps;

  function* subjects({ appId, installationId }: VerdictFilter): Iterable<[string | null, Subject]> {
    const time = { now: now(), completeSince: ledger.completeSince() };
    if (installationId !== undefined) {
      const installation = world.installations.get(installationId);
      if (appId !== undefined && installation?.app.id !== appId) return;
      const requests = ledger.of(installationId);
      yield [installationId, { installation, requests, events: events.all({ installationId }), ...time }];
      return;
    }
    const eventsOf = new Map<string | null, EventRecord[]>();
    for (const event of events.all({})) {
      const known = eventsOf.get(event.installationId);
      if (known === undefined) eventsOf.set(event.installationId, [event]);
      else known.push(event);
    }
    for (const id of new Set([...world.installations.keys(), ...ledger.subjects(), ...eventsOf.keys()])) {
      const installation = id === null ? undefined : world.installations.get(id);
      if (appId !== undefined && installation?.app.id !== appId) continue;
      yield [id, { installation, requests: ledger.of(id), events: eventsOf.get(id) ?? [], ...time }];
    }
  }

  return {
    verdicts(filter) {
      const benches = rules.map((rule) => ({ rule, seen: createBench() }));
      const figures = createFigures();
      for (const [id, subject] of subjects(filter)) {
        for (const { rule, seen } of benches) {
          seen.about = id;
          rule.judge(subject, seen);
        }
        figures.count(subject);
      }
      return { rules: benches.map(({ rule, seen }) => verdictOf(rule, seen)), figures: figures.read(ledger.dropped()) };
    },
  };
}

type Bench = Seen & { about: string | null; checked: number; broken_entries: Verdict['broken'] };

function createBench(): Bench {
  const bench: Bench = {
    about: null,
    checked: 0,
    broken_entries: [],
    kept() {
      bench.checked += 1;
    },
    broken({ at, ...breach }) {
      bench.checked += 1;
      bench.broken_entries.push({ at, installation_id: bench.about, ...breach });
    },
  };
  return bench;
}

function verdictOf({ rule, title, source }: Rule, { checked, broken_entries: broken }: Bench): Verdict {
  const status = checked === 0 ? 'not-seen' : broken.length === 0 ? 'kept' : 'broken';
  const last = broken.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)).slice(-breachesShown);
  return { rule, title, source, status, checked, broken_total: broken.length, broken: last };
}
