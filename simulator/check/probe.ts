import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SimulatorClient } from '../client/client.js';
import { Refused } from '../client/errors.js';
import type { Created, InstallationInput, RequestEntry, SwitchesInput } from '../client/types.js';
import { CannotRun } from './failure.js';
import type { CheckOptions } from './types.js';

/** What a scenario works with: the simulator's control API, and what has to be put back and shown afterwards. */
export interface Probe {
  readonly client: SimulatorClient;
  readonly options: CheckOptions;
  /** The simulator's regions, the first first. */
  readonly regions: readonly string[];
  /** An installation that exists at Talkdesk, in an account of its own unless said; nothing is sent yet. */
  prepare(input?: Partial<InstallationInput>): Promise<Created>;
  /** Sets a fault until the scenario ends, or the function that is given back is called. */
  fault(fault: object): Promise<() => Promise<void>>;
  /** Changes switches until the scenario ends. */
  switches(changes: SwitchesInput): Promise<void>;
  /** Waits, but not after the scenario was interrupted. */
  pause(ms: number): Promise<void>;
  /** A figure or finding for the report. */
  note(text: string): void;
  /** Requests about an installation, oldest first, after the one of this number. */
  requests(installationId: string, after?: number): Promise<RequestEntry[]>;
  /** The number of the last request before the run. */
  readonly before: number;
  /** Every installation that the scenario made. */
  readonly installations: readonly string[];
  readonly notes: readonly string[];
  /** Puts everything back; safe to call twice. */
  restore(): Promise<void>;
}

/**
 * A probe for one scenario.
 * @param run tells the accounts of this run from those of others
 */
export function createProbe(deps: {
  client: SimulatorClient;
  options: CheckOptions;
  regions: readonly string[];
  run: string;
  before: number;
}): Probe {
  const { client, options, regions, run, before } = deps;
  const installations: string[] = [];
  const notes: string[] = [];
  const undo: Array<() => Promise<unknown>> = [];
  let accounts = 0;
  const over = new AbortController();
  // Hundreds of deliveries wait for their turn.
  setMaxListeners(0, over.signal);

  /** What an interrupted scenario still has under way must not set anything after it was put back. */
  function live(): SimulatorClient {
    if (over.signal.aborted) throw new CannotRun('The scenario is over.');
    return client;
  }

  return {
    get client() {
      return live();
    },
    options,
    regions,
    before,
    installations,
    notes,
    async prepare(input = {}) {
      const account = { account_name: `check-${run}-${++accounts}` };
      const made = await live().install({ app_id: options.appId, ...account, deliver: false, ...input });
      installations.push(made.installation_id);
      return made;
    },
    async fault(fault) {
      const { id } = await live().addFault(fault);
      const remove = async () => {
        try {
          await client.removeFault(id);
        } catch (error) {
          // Used up, so it is no longer there.
          if (!(error instanceof Refused && error.status === 404)) throw error;
        }
      };
      undo.push(remove);
      if (over.signal.aborted) await remove();
      return remove;
    },
    async switches(changes) {
      const current: Record<string, unknown> = await live().switches();
      const old = Object.fromEntries(Object.keys(changes).map((name) => [name, current[name]]));
      const restore = () => client.changeSwitches(old);
      undo.push(restore);
      await live().changeSwitches(changes);
      if (over.signal.aborted) await restore();
    },
    pause: (ms) => sleep(ms, undefined, { signal: over.signal }),
    note: (text) => void notes.push(text),
    async requests(installationId, after = 0) {
      return (await live().requests({ installation_id: installationId })).filter(({ n }) => n > after);
    },
    async restore() {
      over.abort();
      for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
    },
  };
}
