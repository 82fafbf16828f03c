import type { EventRecord } from '../../events/events.js';
import type { Installation, Process } from '../../world/world.js';
import type { RequestEntry } from '../ledger.js';

/** Everything that is known of a backend's conduct towards one installation, or towards none that is known. */
export interface Subject {
  /** undefined where requests and events name no installation of this simulator. */
  readonly installation: Installation | undefined;
  /** Oldest first. */
  readonly requests: readonly RequestEntry[];
  readonly events: readonly EventRecord[];
  readonly now: Date;
  /** The ledger holds every request since then; null: every one there was. */
  readonly completeSince: Date | null;
}

/** One time that a rule was broken. */
export interface Breach {
  at: string;
  event_id: string | null;
  /** The number `n` of the request in the ledger. */
  request: number | null;
  /** One sentence that says what was wrong. */
  what: string;
}

/** What a rule has seen so far. */
export interface Seen {
  kept(): void;
  broken(breach: Breach): void;
}

/** A rule of Talkdesk's contract that a backend keeps or breaks. */
export interface Rule {
  readonly rule: string;
  readonly title: string;
  /** The section of the contract that it follows from. */
  readonly source: string;
  judge(subject: Subject, seen: Seen): void;
}

/** The breach that a request is. */
export function breachOf(entry: RequestEntry, what: string, eventId?: string | null): Breach {
  return { at: entry.at, event_id: eventId ?? entry.waiting?.event_id ?? null, request: entry.n, what };
}

/** True when the caller has certainly got an answer that it could understand. */
export function wasTold(entry: RequestEntry): boolean {
  return entry.status !== null && entry.fault === null && !entry.unread;
}

/** True when a request came longer than so many ms after another one, by the machine's clock or by this simulator's. */
export function isAfter(entry: RequestEntry, earlier: RequestEntry, ms: number): boolean {
  const byMachine = entry.arrived_ms - (earlier.ended_ms ?? entry.arrived_ms);
  return Math.max(byMachine, Date.parse(entry.at) - Date.parse(earlier.at)) > ms;
}

/** The request whose decision took effect on a process. */
export function decisiveRequest({ requests }: Subject, process: Process): RequestEntry | undefined {
  return requests.find(({ decision }) => decision?.effect === 'took-effect' && decision.event_id === process.eventId);
}

/** False where the ledger may have forgotten requests about a process. */
export function isComplete({ completeSince }: Subject, process: Process): boolean {
  return completeSince === null || process.createdAt >= completeSince;
}
