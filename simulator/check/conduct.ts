import type { Created, Delivery, Installation, RequestEntry, SignRequest } from '../client/types.js';
import { describeRequest, whyUndecided } from './diagnosis.js';
import { ScenarioFailure } from './failure.js';
import type { Probe } from './probe.js';
import { until } from './waiting.js';

/** Talkdesk tries three times (talkdesk-api.md 1.5); the check does not make the backend wait minutes for it. */
const attemptsMax = 3;
const retryPauseMs = 1_000;
/** A partner answers faster than this (talkdesk-api.md 1.5). */
export const acknowledgementLimitMs = 2_000;

/**
 * Delivers an event and expects a 2xx; a 5xx or no answer is tried again, as Talkdesk would.
 * @param what the event in words, such as "the app.installed event"
 */
export async function acknowledged(probe: Probe, eventId: string, what: string, sign?: SignRequest): Promise<Delivery> {
  let last: Delivery | undefined;
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    if (attempt > 1) await probe.pause(retryPauseMs);
    last = await probe.client.deliver(eventId, sign === undefined ? {} : { sign });
    if (isSuccess(last.status)) return last;
    if (last.status !== null && last.status < 500) break;
  }
  throw new ScenarioFailure(
    `${capital(what)} is answered with a 2xx.`,
    `The webhook ${answerOf(last)}.`,
    'Verify the signature over the raw bytes, store the event, answer 200 or 204, and do the rest afterwards.',
  );
}

/** Prepares an installation, delivers it, and waits for its approval. */
export async function installed(probe: Probe, input: Parameters<Probe['prepare']>[0] = {}): Promise<Created> {
  const made = await probe.prepare(input);
  await acknowledged(probe, made.event_id, 'the app.installed event');
  await approved(probe, made.installation_id, made.event_id, 'install');
  return made;
}

/**
 * Waits until the process of an event was approved.
 * @param kind the process in words: install, update, uninstall
 */
export async function approved(
  probe: Probe,
  installationId: string,
  eventId: string,
  kind: string,
  patienceMs: number = probe.options.patienceMs,
): Promise<Installation> {
  const ended = await until(async () => {
    const view = await probe.client.installation(installationId);
    return processOf(view, eventId)?.ended == null ? undefined : view;
  }, patienceMs);
  const expected = `The ${kind} is approved within ${patienceMs / 1000} s (--patience).`;
  if (ended === undefined) {
    const { seen, advice } = await whyUndecided(probe, installationId, eventId);
    throw new ScenarioFailure(expected, seen, advice);
  }
  const how = processOf(ended, eventId)?.ended;
  if (how === 'approved') return ended;
  const reason = ended.decisions.at(-1)?.reason;
  throw new ScenarioFailure(
    expected,
    `It ended as ${how}${how === 'rejected' && reason != null ? ` with the reason "${reason}"` : ''}.`,
    'Let the backend approve what the check installs; a policy of its own may have to be switched off for it.',
  );
}

/** The process of an event as Talkdesk sees it. */
export function processOf(view: Installation, eventId: string): Installation['processes'][number] | undefined {
  return view.processes.find((process) => process.event_id === eventId);
}

/**
 * Waits until no request about an installation has come for `quietMs`, at most `limitMs`.
 * @returns its requests after the one of the number `after`
 */
export async function settled(
  probe: Probe,
  installationId: string,
  { after = 0, quietMs = 1_000, limitMs = 5_000 }: { after?: number; quietMs?: number; limitMs?: number } = {},
): Promise<RequestEntry[]> {
  let seen = -1;
  let sinceMs = performance.now();
  let requests: RequestEntry[] = [];
  await until(async () => {
    requests = await probe.requests(installationId, after);
    if (requests.length !== seen) {
      seen = requests.length;
      sinceMs = performance.now();
    }
    return performance.now() - sinceMs >= quietMs ? true : undefined;
  }, limitMs);
  return requests;
}

/** The number of the newest request about an installation, 0 without any. */
export async function newest(probe: Probe, installationId: string): Promise<number> {
  return (await probe.requests(installationId)).at(-1)?.n ?? 0;
}

/** The calls of the state endpoint among requests: each is a decision, whatever it was answered. */
export function decisionCalls(requests: readonly RequestEntry[]): RequestEntry[] {
  return requests.filter(({ route }) => route === 'state');
}

/** A delivery's answer in words, to follow "the webhook". */
export function answerOf(delivery: Delivery | undefined): string {
  if (delivery?.status == null) return `gave no answer: ${delivery?.error ?? 'nothing was sent'}`;
  return `answered ${delivery.status}`;
}

export function isSuccess(status: number | null | undefined): boolean {
  return status != null && status >= 200 && status < 300;
}

/** Requests in words, the first few. */
export function listed(requests: readonly RequestEntry[], most = 4): string {
  const more = requests.length > most ? ` and ${requests.length - most} more` : '';
  return `${requests.slice(0, most).map(describeRequest).join('; ')}${more}`;
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
