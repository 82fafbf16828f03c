import type { FactName, LifecycleFact, Observer } from '../contracts/facts.js';

/** The moments of one installation, printed as they come. */
export interface Timeline {
  /** Takes every fact of the service; facts of other installations are kept apart. */
  observe: Observer;
  /** Says which installation is meant, and prints its facts so far. */
  follow(installation: { installationId: string; eventId: string }): void;
  /** Fulfilled with the first fact that ends the installation or puts it into a person's hands. */
  settled: Promise<LifecycleFact>;
  /** The last fact of the installation, or null. */
  last(): LifecycleFact | null;
}

/** After these nothing more comes without a person. */
const FINAL: readonly FactName[] = ['approved', 'rejected', 'expired', 'superseded', 'contradicted', 'parked'];
/** Facts that come before the followed installation is known; a long outage of the demo must not collect them for ever. */
const MAX_EARLY_FACTS = 1_000;

/** @param say prints one line */
export function createTimeline(say: (line: string) => void): Timeline {
  let followed: { installationId: string; eventId: string } | null = null;
  let early: LifecycleFact[] = [];
  let firstAtMs: number | null = null;
  let last: LifecycleFact | null = null;
  let settle: (fact: LifecycleFact) => void;
  const settled = new Promise<LifecycleFact>((resolve) => {
    settle = resolve;
  });

  function show(fact: LifecycleFact): void {
    if (followed === null) return;
    if (fact.installationId !== followed.installationId && fact.eventId !== followed.eventId) return;
    firstAtMs ??= fact.atMs;
    last = fact;
    const elapsed = `+${fact.atMs - firstAtMs} ms`;
    say(`  ${fact.name.padEnd(13)}${elapsed.padStart(9)}${fact.note === undefined ? '' : `   ${fact.note}`}`);
    if (FINAL.includes(fact.name)) settle(fact);
  }

  return {
    observe(fact) {
      if (followed !== null) show(fact);
      else if (early.length < MAX_EARLY_FACTS) early.push(fact);
    },
    follow(installation) {
      followed = installation;
      const facts = early;
      early = [];
      for (const fact of facts) show(fact);
    },
    settled,
    last: () => last,
  };
}
