import { performance } from 'node:perf_hooks';
import type { Request, RequestHandler } from 'express';
import type { Logger } from 'pino';
import type { Clock } from '../contracts/clock.js';
import type { Observer } from '../contracts/facts.js';
import type { Delivery, DispatchItem, Inbox } from '../store/types.js';
import type { DeliveryVerifier, EnvelopeResult, VerifyResult } from '../talkdesk/types.js';
import { type Answer, BODY_ANSWERS, comeAgain, sendAnswer } from './answer.js';
import type { Dispatcher } from './dispatcher.js';
import { messageOf } from './errors.js';
import { fileDelivery } from './filing.js';
import { withinLimit } from './limit.js';
import type { DeliveryAnswer, Metrics } from './metrics.js';
import { type BodyLimits, BodyRefusedError, createBodyReader } from './read-body.js';

/** Headers of a signed delivery (talkdesk-api.md 2.1). */
const SIGNATURE_HEADER = 'X-Hub-Ecdsa-Signature';
const KEY_ID_HEADER = 'X-Hub-Ecdsa-Signature-Id';

/** Guard over the inbox, which answers within 3 s by itself and then says why it could not. */
const STORE_LIMIT_MS = 3_200;
/** Longest wait for a verdict. Known keys take no time; an unknown one is asked for over the network. */
const VERIFY_LIMIT_MS = 5_000;

/** What the webhook route works with. */
export interface WebhookDeps {
  inbox: Pick<Inbox, 'accept' | 'quarantine' | 'keepRefused'>;
  verifier: DeliveryVerifier;
  readEnvelope: (rawBody: Buffer) => EnvelopeResult;
  dispatcher: Pick<Dispatcher, 'dispatch'>;
  isKnownApp: (appId: string) => boolean;
  bodyLimits: BodyLimits;
  metrics: Metrics;
  now: Clock;
  observe: Observer;
  log: Logger;
}

/** How a delivery ends: the answer, its name in the metrics, and what is left to do once the answer is out. */
interface Ending {
  name: DeliveryAnswer;
  answer: Answer;
  afterwards?: () => void;
}

/**
 * Receives one delivery: size and time limits, signature headers, signature over the raw bytes, then the body; answers 2xx once
 * it is committed, and only then hands it to Temporal. An authentic delivery that cannot be used is quarantined and answered
 * 200, because a retry cannot help. 503 asks for a retry: the inbox cannot commit, or no key endpoint answers for a new key id.
 */
export function createWebhook(deps: WebhookDeps): RequestHandler {
  const { inbox, metrics, now } = deps;
  const reader = createBodyReader(deps.bodyLimits);

  async function receive(req: Request, readBody: (keep: boolean) => Promise<Buffer>, log: Logger): Promise<Ending> {
    const receivedAt = now();
    const signature = singleHeader(req, SIGNATURE_HEADER);
    const keyId = singleHeader(req, KEY_ID_HEADER);
    let rawBody: Buffer;
    try {
      rawBody = await readBody(signature !== null && keyId !== null);
    } catch (error) {
      if (!(error instanceof BodyRefusedError)) throw error;
      log.warn({ problem: error.problem }, 'delivery not read');
      return { name: error.problem, answer: BODY_ANSWERS[error.problem] };
    }
    if (signature === null || keyId === null) {
      const header = signature === null ? SIGNATURE_HEADER : KEY_ID_HEADER;
      log.warn({ header }, 'delivery without exactly one value of a signature header');
      return { name: 'no-signature', answer: { status: 400, text: `header ${header} is missing or repeated` } };
    }

    const verdict = await verify({ rawBody, signature, keyId, receivedAt }, log);
    if (verdict.result === 'unavailable') {
      log.error(
        { alarm: 'signature-keys', reason: verdict.reason },
        'delivery not verified, sender asked to come again',
      );
      return { name: 'keys-unavailable', answer: comeAgain('the signature cannot be checked now, come again') };
    }
    if (verdict.result === 'invalid') {
      log.warn({ reason: verdict.reason }, 'delivery refused: its signature does not hold');
      const headers = keptHeaders(req, signature, keyId);
      await inbox.keepRefused({ reason: verdict.reason, headers, rawBody, receivedAt });
      return { name: 'bad-signature', answer: { status: 401, text: 'the signature does not hold' } };
    }

    try {
      return await file(rawBody, receivedAt, log);
    } catch (error) {
      log.error({ alarm: 'inbox', reason: messageOf(error) }, 'delivery not stored, sender asked to come again');
      return { name: 'store-unavailable', answer: comeAgain('the delivery cannot be stored now, come again') };
    }
  }

  async function verify(delivery: Parameters<DeliveryVerifier['verify']>[0], log: Logger): Promise<VerifyResult> {
    try {
      return await withinLimit('signature check', VERIFY_LIMIT_MS, deps.verifier.verify(delivery));
    } catch (error) {
      log.error({ reason: messageOf(error) }, 'signature check failed');
      return { result: 'unavailable', reason: messageOf(error) };
    }
  }

  /** Throws when nothing could be committed. */
  async function file(rawBody: Buffer, receivedAt: Date, log: Logger): Promise<Ending> {
    const filing = fileDelivery(deps.readEnvelope(rawBody), deps.isKnownApp);
    if (filing.kind === 'quarantine') {
      const { eventId, reason } = filing;
      await withinLimit('inbox', STORE_LIMIT_MS, inbox.quarantine({ eventId, reason, rawBody, receivedAt }));
      log.error({ alarm: 'quarantine', eventId, reason }, 'authentic delivery cannot be used and is in quarantine');
      return { name: 'quarantined', answer: { status: 200 } };
    }
    const delivery: Delivery = { ...filing.delivery, rawBody, receivedAt };
    const { eventId, type, installationId } = delivery;
    const names = { eventId, type, installationId };
    const accepted = await withinLimit('inbox', STORE_LIMIT_MS, inbox.accept(delivery));
    if (accepted.kind === 'conflict') {
      const reason = 'this event id came before with another body';
      log.error({ alarm: 'quarantine', ...names, reason }, 'authentic delivery cannot be used and is in quarantine');
      return { name: 'conflict', answer: { status: 200 } };
    }
    const item = dispatchItemOf(delivery);
    if (accepted.kind === 'duplicate') {
      log.info({ ...names, dispatched: accepted.dispatched }, 'delivery came again');
      const afterwards = (): void => {
        if (item !== null && !accepted.dispatched) deps.dispatcher.dispatch(item);
      };
      return { name: 'duplicate', answer: { status: 200 }, afterwards };
    }
    log.info({ ...names, disposition: delivery.disposition }, 'delivery stored');
    const afterwards = (): void => {
      if (item !== null) deps.dispatcher.dispatch(item);
      deps.observe({ name: 'received', atMs: receivedAt.getTime(), installationId, eventId, note: type });
      deps.observe({ name: 'acknowledged', atMs: now().getTime(), installationId, eventId });
    };
    return { name: 'accepted', answer: { status: 200 }, afterwards };
  }

  return async (req, res) => {
    const startedMs = performance.now();
    const log = deps.log.child({ requestId: res.locals['requestId'] });
    const { name, answer, afterwards } = await receive(req, (keep) => reader.read(req, res, { keep }), log);
    sendAnswer(req, res, answer);
    metrics.delivery(name);
    if (answer.status === 200) metrics.acknowledged((performance.now() - startedMs) / 1_000);
    afterwards?.();
  };
}

/** The value of a header that was sent exactly once and is not empty; null otherwise. */
function singleHeader(req: Request, name: string): string | null {
  const values = req.headersDistinct[name.toLowerCase()] ?? [];
  return values.length === 1 && values[0]?.trim() ? values[0] : null;
}

/** What a later verification of a refused delivery needs beside the bytes. */
function keptHeaders(req: Request, signature: string, keyId: string): Record<string, string> {
  return {
    [SIGNATURE_HEADER]: signature,
    [KEY_ID_HEADER]: keyId,
    'Content-Type': req.headers['content-type'] ?? '',
    'Content-Encoding': req.headers['content-encoding'] ?? '',
  };
}

/** The event as a run is to be told of it; null when no run takes it. */
function dispatchItemOf(delivery: Delivery): DispatchItem | null {
  const { eventId, type, appId, accountId, installationId, createdAt, disposition } = delivery;
  if (disposition !== 'dispatch' || accountId === null) return null;
  return { eventId, type, tenant: { appId, accountId }, installationId, createdAt };
}
