import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Surroundings } from '../../support/stack.js';
import { prepareInstall } from './installs.js';

/** Calls to the simulator's control API at a time. */
const PREPARED_AT_ONCE = 16;
const CONNECTIONS = 64;

/** A signed delivery that can be sent later, without Talkdesk. */
export interface SignedDelivery {
  eventId: string;
  headers: Record<string, string>;
  body: Buffer;
}

/** What came of a load. */
export interface Answers {
  /** How often each status came; 0: no answer. */
  statuses: Record<number, number>;
  /** Milliseconds until each answer, in the order of sending. */
  ms: number[];
}

/** How many events of each kind a backlog holds. */
export interface BacklogShape {
  /** Tenants with an active installation, to which the following belong. */
  customers: readonly string[];
  updatesEach: number;
  trialEventsEach: number;
  /** How many of the customers: logout of a user, rotation, uninstallation. */
  logouts: number;
  rotations: number;
  uninstalls: number;
  /** Of new tenants. */
  installs: number;
}

/** A time for `created_at`. */
export function minutesAgo(minutes: number): string {
  return new Date(Date.now() - minutes * 60_000).toISOString();
}

/** Runs `make` so many times, some at a time, and gives the results in order. */
export async function many<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const work = async () => {
    for (let index = next++; index < count; index = next++) results[index] = await make(index);
  };
  await Promise.all(Array.from({ length: PREPARED_AT_ONCE }, work));
  return results;
}

/** The event as it would be delivered. */
async function sign({ simulator }: Surroundings, eventId: string): Promise<SignedDelivery> {
  const { headers, body_base64: body } = await simulator.control.signed(eventId);
  return { eventId, headers, body: Buffer.from(body, 'base64') };
}

/** What a service that was down for a while finds waiting: few installs, and many events of tenants that have others waiting, too. */
export async function prepareBacklog(surroundings: Surroundings, shape: BacklogShape): Promise<SignedDelivery[]> {
  const { control } = surroundings.simulator;
  const { customers } = shape;
  const quiet = { deliver: false } as const;
  // A minute apart: a newer update ends the older ones.
  const inTurn = (turn: number) => ({ ...quiet, created_at: minutesAgo(40 - turn) });
  const each = (times: number, act: (id: string, turn: number) => Promise<{ event_id: string }>) =>
    Array.from({ length: times }, (_, turn) => customers.map((id) => () => act(id, turn))).flat();
  const some = (count: number, act: (id: string) => Promise<{ event_id: string }>) =>
    customers.slice(0, count).map((id) => () => act(id));
  const acts: (() => Promise<{ event_id: string }>)[] = [
    ...each(shape.updatesEach, (id, turn) => control.update(id, { ...inTurn(turn), users: 1 + (turn % 3) })),
    ...each(shape.trialEventsEach, (id, turn) =>
      turn === 0 ? control.startTrial(id, inTurn(turn)) : control.extendTrial(id, inTurn(turn)),
    ),
    ...some(shape.logouts, (id) => control.logout(id, quiet)),
    ...some(shape.rotations, (id) => control.rotate(id, quiet)),
    ...Array.from({ length: shape.installs }, () => () => prepareInstall(surroundings)),
    ...some(shape.uninstalls, (id) => control.uninstall(id, { ...quiet, trial_ended: 'none' })),
  ];
  return await many(acts.length, async (index) => {
    const { event_id: eventId } = await (acts[index] as (typeof acts)[number])();
    return await sign(surroundings, eventId);
  });
}

/** Sends at a fixed rate, whatever the answers take. */
export async function sendAtRate(
  ingressUrl: string,
  deliveries: readonly SignedDelivery[],
  perSecond: number,
): Promise<Answers> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const answers: Answers = { statuses: {}, ms: [] };
  const startedMs = performance.now();
  const sent: Promise<void>[] = [];
  for (const [index, delivery] of deliveries.entries()) {
    const dueMs = startedMs + (index * 1_000) / perSecond;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    sent.push(
      send(agent, ingressUrl, delivery).then((status) => {
        answers.statuses[status] = (answers.statuses[status] ?? 0) + 1;
        // From when it was due: a sender that is late itself hides nothing.
        answers.ms[index] = performance.now() - dueMs;
      }),
    );
  }
  await Promise.all(sent);
  agent.destroy();
  return answers;
}

function send(agent: Agent, ingressUrl: string, { headers, body }: SignedDelivery): Promise<number> {
  return new Promise((resolve) => {
    const sending = request(`${ingressUrl}/webhooks/talkdesk`, { method: 'POST', agent, headers }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode ?? 0));
      answer.once('error', () => resolve(0));
    });
    sending.once('error', () => resolve(0));
    sending.end(body);
  });
}

/** When the installs were effectively approved, in the simulator's ledger, in the order asked for; milliseconds of its clock. */
export async function approveMoments({ simulator }: Surroundings, eventIds: readonly string[]): Promise<number[]> {
  const decided = new Map(
    (await simulator.control.decisions())
      .filter(({ effective }) => effective)
      .map(({ at, process }) => [process?.event_id, Date.parse(at)]),
  );
  return eventIds.map((eventId) => {
    const at = decided.get(eventId);
    if (at === undefined) throw new Error(`The install ${eventId} has no effective decision.`);
    return at;
  });
}

/** The value below which the share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
