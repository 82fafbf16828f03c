import type { Events } from '../events/events.js';
import type { Ledger, RequestEntry } from '../oracle/ledger.js';
import type { World } from '../world/world.js';

/** One line of the log: a delivery to the partner, or a request of the partner's. */
export interface LogLine {
  /** The same as long as the line is about the same thing; what it says can still change. */
  key: string;
  at: string;
  direction: 'delivery' | 'request';
  installation_id: string | null;
  account_name: string | null;
  /** The event's type, or the name of the route. */
  what: string;
  /** For a delivery the event's id, for a request its method and path. */
  detail: string;
  status: number | null;
  ms: number;
  /** `wrong` where the partner did something wrong or did not answer well, `fault` where a fault was in play. */
  judgement: 'good' | 'wrong' | 'fault' | 'open';
  /** In words: what was verified, or what was wrong. */
  verdict: string;
  /** What else is known, as text to read: query, body, claims. */
  more: string | null;
}

/** A long body is shown from its beginning. */
const longestText = 4_000;

/** The newest deliveries and requests, the newest first. */
export function newestLog(
  { events, ledger, world }: { events: Events; ledger: Ledger; world: World },
  { installationId, limit }: { installationId: string | undefined; limit: number },
): LogLine[] {
  if (limit === 0) return [];
  const filter = installationId === undefined ? {} : { installationId };
  const accountName = (id: string | null) => (id === null ? null : (world.installations.get(id)?.account.name ?? null));
  const requests = ledger.entries(filter).slice(-limit);
  const numbered: { n: number; line: () => LogLine }[] = requests.map((entry) => ({
    n: entry.n,
    line: () => requestLine(entry, accountName(entry.installation_id)),
  }));
  for (const event of events.all(filter)) {
    const name = accountName(event.installationId);
    if (event.faultHit !== null) {
      const { n, at } = event.faultHit;
      numbered.push({ n, line: () => faultLine(event, at, name) });
    }
    for (const [index, attempt] of event.attempts.entries()) {
      numbered.push({ n: attempt.n, line: () => deliveryLine(event, attempt, index, name) });
    }
  }
  // Times say nothing where the clock stands still.
  return numbered
    .sort((one, other) => other.n - one.n)
    .slice(0, limit)
    .map(({ line }) => line());
}

type EventRecord = ReturnType<Events['all']>[number];

/** What a fault did to an event before any attempt: it was dropped, delayed or held. */
function faultLine(event: EventRecord, at: Date, accountName: string | null): LogLine {
  return {
    key: `event/${event.id}`,
    at: at.toISOString(),
    direction: 'delivery',
    installation_id: event.installationId,
    account_name: accountName,
    what: event.type,
    detail: event.id,
    status: null,
    ms: 0,
    judgement: 'fault',
    verdict: `not sent: fault: ${event.fault}`,
    more: null,
  };
}

function deliveryLine(
  event: EventRecord,
  attempt: EventRecord['attempts'][number],
  index: number,
  accountName: string | null,
): LogLine {
  const open = attempt.status === null && attempt.error === null;
  const which = attempt.scheduled
    ? `attempt ${scheduledUpTo(event, index)} of 3`
    : attempt.copy
      ? 'a copy, by the fault duplicate'
      : 'delivered on request';
  const next = index === event.attempts.length - 1 ? event.nextAttemptAt : null;
  const verdict = open ? 'not answered yet' : (attempt.error ?? 'delivered');
  return {
    key: `delivery/${event.id}/${index}`,
    at: attempt.at.toISOString(),
    direction: 'delivery',
    installation_id: event.installationId,
    account_name: accountName,
    what: event.type,
    detail: event.id,
    status: attempt.status,
    ms: attempt.ms,
    judgement: open ? 'open' : attempt.fault !== null ? 'fault' : attempt.delivered ? 'good' : 'wrong',
    verdict: [
      `${which}: ${verdict}`,
      ...(next === null ? [] : [`next at ${next.toISOString()}`]),
      ...(attempt.fault === null ? [] : [`fault: ${attempt.fault}`]),
    ].join('; '),
    more: null,
  };
}

function scheduledUpTo(event: EventRecord, index: number): number {
  return event.attempts.slice(0, index + 1).filter(({ scheduled }) => scheduled).length;
}

function requestLine(entry: RequestEntry, accountName: string | null): LogLine {
  const remarks = [
    entry.verdict,
    ...(entry.secret_in_url ? ['a secret stood in the URL'] : []),
    ...(entry.after_uninstall ? ['the installation was gone already'] : []),
    ...(entry.fault === null ? [] : [`fault: ${entry.fault}`]),
  ];
  return {
    key: `request/${entry.n}`,
    at: entry.at,
    direction: 'request',
    installation_id: entry.installation_id,
    account_name: accountName,
    what: entry.route,
    detail: `${entry.method} ${entry.path}${entry.query === '' ? '' : `?${entry.query}`}`,
    status: entry.status,
    ms: entry.ms,
    judgement: judge(entry),
    verdict: remarks.join('; '),
    more: moreOf(entry),
  };
}

function judge({ status, fault, secret_in_url, verdict }: RequestEntry): LogLine['judgement'] {
  if (secret_in_url) return 'wrong';
  if (fault !== null) return 'fault';
  if (status === null) return verdict === 'not answered yet' ? 'open' : 'wrong';
  return status < 400 ? 'good' : 'wrong';
}

function moreOf({ body, assertion, client_id }: RequestEntry): string {
  const known = { client_id, ...(body === null ? {} : { body }), ...(assertion === null ? {} : { assertion }) };
  const text = JSON.stringify(known, null, 2);
  return text.length <= longestText
    ? text
    : `${text.slice(0, longestText)}\n… ${text.length - longestText} characters more`;
}
