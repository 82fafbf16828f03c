import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { fromGraph, type Graph, toGraph } from './graph.js';
import { SnapshotProblem } from './problem.js';
import { readState, replaceState, type State, type StateDeps } from './state.js';

/** Counts the forms that the state has had; another number is another form. */
const version = 1;
const format = 'talkdesk-simulator-snapshot';

/** A backend that does not answer must not keep a simulator from stopping. */
const longestWaitMs = 3_000;

/** What a snapshot is from outside; of the state only its own digest is believed. */
export const snapshotSchema = z.strictObject({
  format: z.literal(format),
  version: z.literal(version),
  saved_at: z.iso.datetime(),
  /** SHA-256 of `state` as JSON, in hex. */
  sha256: z.string(),
  state: z.array(z.unknown()),
});

/** The whole state, saved and loaded. */
export interface Snapshots {
  /** With every secret in it. Waits for what is under way, for some seconds; what it cuts off is due again. */
  save(): Promise<object>;
  /**
   * Puts a snapshot in the place of everything; resolves when what is then due has happened.
   * @returns what to know about it, in sentences
   * @throws SnapshotProblem when it is none that can be loaded; nothing was changed
   */
  load(snapshot: unknown): Promise<string[]>;
}

/** Snapshots of this simulator. */
export function createSnapshots(deps: StateDeps): Snapshots {
  const { clock, regions } = deps;

  function saveNow(): object {
    const state = toGraph(readState(deps));
    return { format, version, saved_at: new Date().toISOString(), sha256: digestOf(state), state };
  }

  function read(snapshot: unknown): State {
    const state = fromGraph(checked(snapshot)) as State;
    const served = regions.all.map(({ name }) => name);
    const missing = [...state.world.accountsById.values()].find(({ region }) => !served.includes(region));
    if (missing === undefined) return state;
    throw new SnapshotProblem(
      `The snapshot has accounts in the region ${missing.region}, and this simulator serves ${served.join(', ')} only: serve it, too (SIMULATOR_REGIONS).`,
    );
  }

  function notesOf({ baseUrls }: State): string[] {
    return regions.all.flatMap(({ name, baseUrl }) => {
      const before = baseUrls.get(name);
      if (before === undefined || before === baseUrl) return [];
      return [
        `Region ${name} was at ${before} and is at ${baseUrl} now: events of before lead to the old address; to keep it, choose the port (SIMULATOR_PORT, SIMULATOR_REGION_PORTS).`,
      ];
    });
  }

  return {
    async save() {
      let saved: object | undefined;
      const atRest = clock.atRest(() => {
        saved ??= saveNow();
      });
      await Promise.race([atRest, sleep(longestWaitMs, undefined, { ref: false })]);
      saved ??= saveNow();
      return saved;
    },
    async load(snapshot) {
      const state = read(snapshot);
      await clock.atRest(() => replaceState(deps, state));
      await clock.moveBy(0);
      return notesOf(state);
    },
  };
}

/** @throws SnapshotProblem */
function checked(snapshot: unknown): Graph {
  const { format: itsFormat, version: itsVersion } = (snapshot ?? {}) as { format?: unknown; version?: unknown };
  if (itsFormat !== format) throw new SnapshotProblem('This is no snapshot of a simulator; nothing was changed.');
  if (itsVersion !== version) {
    throw new SnapshotProblem(
      `The snapshot has version ${JSON.stringify(itsVersion)}, and this simulator reads version ${version} only; nothing was changed.`,
    );
  }
  const parsed = snapshotSchema.safeParse(snapshot);
  if (!parsed.success || digestOf((snapshot as { state: Graph }).state) !== parsed.data.sha256) {
    throw new SnapshotProblem('The snapshot is damaged: it is not as it was saved; nothing was changed.');
  }
  return (snapshot as { state: Graph }).state;
}

function digestOf(state: Graph): string {
  return createHash('sha256').update(JSON.stringify(state)).digest('hex');
}
