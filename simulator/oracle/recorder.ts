import type { IncomingMessage } from 'node:http';
import type { Events } from '../events/events.js';
import { parseJson } from '../routes/parse-json.js';
import { waitingProcess, type World } from '../world/world.js';
import { type Ledger, noFacts, type RequestEntry, type WaitingProcess } from './ledger.js';
import { redactFields, redactHeaders, redactPath, redactQuery } from './redaction.js';
import { retryAfterMs } from './retry-after.js';

/** A request as it came. */
interface Arrival {
  readonly request: IncomingMessage;
  readonly path: string;
}

/** What of it was read. */
interface Content {
  readonly query: URLSearchParams;
  readonly mediaType: string;
  readonly body: Buffer;
}

/** Whom it says it is about and from. */
interface Claimed {
  readonly installationId: string | null;
  readonly clientId: string | null;
}

/** What was answered; status 0 stands for a connection that was reset. */
export interface Answered {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly verdict: string;
}

/** Writes requests into the ledger, with what the rules judge them by. */
export interface Recorder {
  open(route: string, arrival: Arrival, content: Content, claimed: Claimed): RequestEntry;
  /** @param isUnread the caller had hung up by then */
  close(entry: RequestEntry, answered: Answered, isUnread: boolean): void;
}

/** A recorder that looks up in the world what stood when a request came. */
export function createRecorder(deps: { ledger: Ledger; world: World; events: Events; now: () => Date }): Recorder {
  const { ledger, world, events, now } = deps;
  const startedAt = new WeakMap<RequestEntry, number>();

  function waitingFor(installationId: string | null): WaitingProcess | null {
    const installation = installationId === null ? undefined : world.installations.get(installationId);
    const waiting = installation && waitingProcess(installation);
    if (waiting === undefined) return null;
    const attempts = events.find(waiting.eventId)?.attempts ?? [];
    const acknowledged = attempts.length === 0 ? null : attempts.some((attempt) => attempt.delivered);
    return { kind: waiting.kind, event_id: waiting.eventId, acknowledged };
  }

  function bodyOf({ mediaType, body }: Content): unknown {
    if (body.length === 0) return null;
    if (mediaType === 'application/x-www-form-urlencoded') {
      return redactFields(Object.fromEntries(new URLSearchParams(body.toString())), world.secrets);
    }
    const parsed = parseJson(body);
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return `${body.length} bytes`;
    return redactFields(parsed as Record<string, unknown>, world.secrets);
  }

  return {
    open(route, { request, path }, content, { installationId, clientId }) {
      const { text, secret } = redactQuery(content.query, world.secrets);
      const shownPath = redactPath(path, world.secrets);
      const entry = ledger.add({
        at: now().toISOString(),
        arrived_ms: Date.now(),
        ended_ms: null,
        route,
        method: request.method ?? '',
        path: shownPath,
        query: text,
        installation_id: installationId === null ? null : world.secrets.redact(installationId),
        client_id: clientId,
        after_uninstall: installationId !== null && world.installations.get(installationId)?.state === 'revoked',
        status: null,
        ms: 0,
        verdict: 'not answered yet',
        headers: redactHeaders(request.headers, world.secrets),
        body: bodyOf(content),
        assertion: null,
        fault: null,
        secret_in_url: secret || shownPath !== path,
        ...noFacts(),
        waiting: waitingFor(installationId),
      });
      startedAt.set(entry, performance.now());
      return entry;
    },
    close(entry, answered, isUnread) {
      entry.unread = isUnread;
      // Reasons repeat what was asked for: ids, scopes.
      entry.verdict = world.secrets.redact(answered.verdict);
      if (answered.status !== 0) entry.status = answered.status;
      entry.retry_after_ms = retryAfterMs(answered, now());
      entry.ended_ms = Date.now();
      entry.ms = Math.round((performance.now() - (startedAt.get(entry) ?? 0)) * 100) / 100;
    },
  };
}
