import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { leaksIn, patternsOf } from '../../support/leaks.js';
import { eventually } from '../../support/eventually.js';
import type { DecisionEntry, ProcessView } from '../../support/simulator-types.js';
import type { Surroundings } from '../../support/stack.js';
import { differences } from './differences.js';
import { doubledCalls, doubledDecisions } from './effects.js';
import { openRuns, stuckTasks } from './temporal-at-rest.js';

/** Runs that can close, close within seconds of the last outcome; one that waits for a person does not. */
const CLOSING_LIMIT_MS = 10_000;

/** What an uninstall's own approve gives as its reason. */
const UNINSTALL_REASON = 'uninstalled';

/** What our outcome of a process may be where Talkdesk says that it ended so; it has no word for what was overtaken. */
const OURS: Readonly<Record<NonNullable<ProcessView['ended']>, readonly string[] | null>> = {
  approved: ['approved', 'superseded'],
  rejected: ['rejected'],
  timeout: ['expired', 'superseded'],
  deprovisioned: ['approved', 'credentials-gone'],
  acknowledged: ['acknowledged', 'superseded'],
  superseded: null,
};

/**
 * What must hold when everything is quiet, judged from the ledgers of simulator and product and from the tables, never from the
 * service's own word. Each violation is a sentence that begins with the number of its invariant; an empty list: all hold.
 *
 * I1 an event that was answered 2xx has a row of its own · I2 each accepted event has exactly one outcome · I3 one effective change for
 * each process · I4 nothing effective after an approved uninstall · I5 the tables equal the ledgers · I6 no secret outside its column ·
 * I8 no workflow task failing. I7 is judged of the processes: see at-rest.ts.
 */
export async function violations(surroundings: Surroundings): Promise<string[]> {
  // Looking for every secret in every row keeps this process busy, and its requests waiting: last.
  return [...(await effectViolations(surroundings)), ...(await leaks(surroundings))];
}

/** All but I6, whose cost grows with the square of what there is to look at. */
export async function effectViolations(surroundings: Surroundings): Promise<string[]> {
  const closed = async () => (await openRuns(surroundings)) === 0;
  await eventually('every run has closed', closed, CLOSING_LIMIT_MS).catch(() => undefined);
  return (
    await Promise.all([
      unkept(surroundings),
      unsettled(surroundings),
      contradictions(surroundings),
      doubledCalls(surroundings),
      doubledDecisions(surroundings),
      differences(surroundings),
      stuckTasks(surroundings),
    ])
  ).flat();
}

/** What does not hold at one account (I3, I4 and I5): quick, where many are judged one after the other. */
export async function accountViolations(surroundings: Surroundings, accountId: string): Promise<string[]> {
  return (await Promise.all([doubledDecisions(surroundings, accountId), differences(surroundings, accountId)])).flat();
}

async function unkept({ simulator, database }: Surroundings): Promise<string[]> {
  const answered = (await simulator.control.events()).filter(({ delivered }) => delivered);
  // What Talkdesk's stand-in makes is never for the quarantine.
  const rows = await database.query<{ id: string }>(
    `SELECT id FROM inbox_event WHERE outcome IS DISTINCT FROM 'quarantined'`,
  );
  const kept = new Set(rows.map(({ id }) => id));
  return answered
    .filter(({ event_id: id }) => !kept.has(id))
    .map(({ event_id: id, type }) => `I1: ${type} ${id} was answered 2xx and is not in the inbox`);
}

async function unsettled({ database }: Surroundings): Promise<string[]> {
  const open = await database.query<{ id: string; type: string; status: string }>(
    `SELECT id, type, status FROM inbox_event WHERE status <> 'settled' OR outcome IS NULL`,
  );
  const apart = await database.query<{ id: string; outcome: string; of_process: string | null }>(
    `SELECT e.id, e.outcome, p.outcome AS of_process FROM inbox_event e JOIN process p ON p.event_id = e.id
      WHERE e.outcome IS DISTINCT FROM p.outcome`,
  );
  const counted = await database.query<{ process_id: string; n: number }>(
    `SELECT process_id, count(*)::int AS n FROM audit_entry WHERE action = 'outcome' GROUP BY process_id HAVING count(*) > 1`,
  );
  return [
    ...open.map(({ id, type, status }) => `I2: ${type} ${id} has no outcome, it is ${status}`),
    ...apart.map(({ id, outcome, of_process: other }) => `I2: event ${id} is ${outcome}, its process ${other}`),
    ...counted.map(({ process_id: id, n }) => `I2: process ${id} has ${n} outcomes in the audit`),
  ];
}

/** Whether Talkdesk has answered that there is no such installation: the service may then take it for gone (docs/lifecycle.md). */
async function wasToldGone({ control }: Surroundings['simulator'], installationId: string): Promise<boolean> {
  const requests = await control.requests({ installation_id: installationId });
  return requests.some(({ status }) => status === 404);
}

/**
 * Whether the uninstall was approved by a decision that was sent for another process: Talkdesk applies it to what is pending, and nothing
 * here says so (docs/reliability.md, not promised).
 */
function isStray(decisions: readonly DecisionEntry[], uninstallEventId: string): boolean {
  return decisions.some(
    ({ effective, process, reason }) =>
      effective && process?.event_id === uninstallEventId && reason !== UNINSTALL_REASON,
  );
}

/** I2 as Talkdesk sees it: what has an outcome here has ended there, and so. */
async function contradictions({ simulator, database }: Surroundings): Promise<string[]> {
  const rows = await database.query<{ event_id: string; outcome: string }>(
    'SELECT event_id, outcome FROM process WHERE outcome IS NOT NULL',
  );
  const ours = new Map(rows.map(({ event_id: id, outcome }) => [id, outcome]));
  const found: string[] = [];
  for (const { installation_id: id } of await simulator.control.installations()) {
    const { processes, decisions } = await simulator.control.installation(id);
    for (const { kind, event_id: eventId, ended } of processes) {
      const outcome = ours.get(eventId);
      if (outcome === undefined) continue;
      if (ended === null) {
        if (outcome !== 'superseded' || !(await wasToldGone(simulator, id)))
          found.push(`I2: ${kind} ${eventId} is ${outcome} here and still waits at Talkdesk`);
      } else if (
        OURS[ended]?.includes(outcome) === false &&
        !(outcome === 'credentials-gone' && isStray(decisions, eventId))
      )
        found.push(`I2: ${kind} ${eventId} is ${outcome} here and ${ended} at Talkdesk`);
    }
  }
  return found;
}

/** I6 in the logs of the service's processes, as sentences. */
export async function loggedSecrets({ simulator, folder }: Surroundings): Promise<string[]> {
  const patterns = patternsOf(
    (await simulator.control.secrets()).map((value, index) => ({ name: `secret ${index}`, value })),
  );
  const found: string[] = [];
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.log')))
    for (const leak of leaksIn(name, readFileSync(join(folder, name)), patterns))
      found.push(`I6: ${leak.secret} (${leak.encoding}) is in ${name}`);
  return found;
}

async function leaks({ simulator, database }: Surroundings): Promise<string[]> {
  const secrets = await simulator.control.secrets();
  const patterns = patternsOf(secrets.map((value, index) => ({ name: `secret ${index}`, value })));
  const tables = await database.query<{ name: string }>(
    `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await database.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
    const bytes = Buffer.from(rows.map(({ row }) => row).join('\n'));
    for (const leak of leaksIn(name, bytes, patterns))
      found.push(`I6: ${leak.secret} (${leak.encoding}) is in ${name}`);
  }
  return found;
}
