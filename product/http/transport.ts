import { randomUUID } from 'node:crypto';
import { Agent as HttpAgent, type IncomingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP } from 'node:net';
import { type Got, got, type OptionsInit } from 'got';
import { Webhook } from 'standardwebhooks';
import { ProductConfigurationError } from '../errors.js';
import { ADDRESS_REFUSED, createAddressCheck, createGuardedLookup } from './addresses.js';
import { type HttpSettings, hostAndPort } from './settings.js';

const USER_AGENT = 'appconnect-lifecycle';
/** Ten thousand users with long ids take about two megabytes. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Sockets to the product: enough for every running activity of a worker. */
const MAX_SOCKETS = 64;
const MAX_FREE_SOCKETS = 16;
/** Bounds on the beginning of a request; the whole is bounded by the call's signal. */
const LOOKUP_TIMEOUT_MS = 3_000;
const CONNECT_TIMEOUT_MS = 3_000;

/** One request. Nothing is retried and no redirect is followed. */
export interface ProductRequest {
  /** Name of the call, for messages. */
  call: string;
  method: 'GET' | 'POST';
  url: URL;
  /** JSON text of a POST. */
  body?: string;
  idempotencyKey?: string;
  /** Cuts the request off. */
  signal: AbortSignal;
}

export interface ProductResponse {
  status: number;
  headers: IncomingHttpHeaders;
  /** Text of the answer; empty when an answer other than 2xx could not be read to its end. */
  body: string;
}

/** Sends signed requests to one product. */
export interface Transport {
  /**
   * Gives whatever status comes.
   *
   * @throws the signal's reason when the request is cut off; ProductConfigurationError when the host's address may not be used; an
   *   Error, worded for the operator, when there is no complete answer
   */
  send(request: ProductRequest): Promise<ProductResponse>;
  /** Ends all connections. */
  close(): void;
}

/** Makes a transport with its own connections. */
export function createTransport(settings: HttpSettings, insecureHosts: readonly string[]): Transport {
  const signers = settings.signingSecrets.map((secret) => new Webhook(secret));
  const isRefused = createAddressCheck();
  const guards = !settings.privateAddresses && !insecureHosts.includes(hostAndPort(settings.base));
  const sockets = { keepAlive: true, maxSockets: MAX_SOCKETS, maxFreeSockets: MAX_FREE_SOCKETS };
  const agent = {
    http: new HttpAgent(sockets),
    https: new HttpsAgent(guards ? { ...sockets, lookup: createGuardedLookup(isRefused) } : sockets),
  };
  const client = got.extend({
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    enableUnixSockets: false,
    headers: { 'user-agent': USER_AGENT, accept: 'application/json' },
    agent,
    timeout: { lookup: LOOKUP_TIMEOUT_MS, connect: CONNECT_TIMEOUT_MS, secureConnect: CONNECT_TIMEOUT_MS },
  });

  function headersOf(request: ProductRequest): Record<string, string> {
    const id = `call_${randomUUID()}`;
    // The product compares with its own clock: real time, wherever business time has been moved to.
    const at = new Date();
    const signed = request.body ?? `${request.url.pathname}${request.url.search}`;
    return {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': signers.map((signer) => signer.sign(id, at, signed)).join(' '),
      ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      // Headers hold ASCII alone, keys any character.
      ...(request.idempotencyKey === undefined
        ? {}
        : { 'idempotency-key': encodeURIComponent(request.idempotencyKey) }),
    };
  }

  return {
    async send(request) {
      request.signal.throwIfAborted();
      // Sockets look up names only: an address in the URL itself never meets the lookup's check.
      const literal = request.url.hostname.replace(/^\[|\]$/g, '');
      if (guards && isIP(literal) !== 0 && isRefused(literal)) throw privateAddress(request.url);
      // The library leaves its listener on the signal it is given; the caller's may live through many requests.
      const cutOff = new AbortController();
      const onAbort = () => cutOff.abort();
      request.signal.addEventListener('abort', onAbort, { once: true });
      try {
        return await exchange(client, request, { headers: headersOf(request), signal: cutOff.signal });
      } catch (error) {
        request.signal.throwIfAborted();
        // What the library throws may hold the request: only its code is passed on.
        throw noAnswer(request, String((error as NodeJS.ErrnoException).code ?? 'no code'));
      } finally {
        request.signal.removeEventListener('abort', onAbort);
      }
    },
    close() {
      agent.http.destroy();
      agent.https.destroy();
    },
  };
}

/** Rejects with the library's error, or with one whose code is `TOO_LARGE`. */
function exchange(client: Got, request: ProductRequest, init: OptionsInit): Promise<ProductResponse> {
  return new Promise((resolve, reject) => {
    const body = request.body === undefined ? {} : { body: request.body };
    const stream = client.stream(request.url, { ...init, ...body, method: request.method, isStream: true });
    const chunks: Buffer[] = [];
    let size = 0;
    let answer: Omit<ProductResponse, 'body'> | null = null;
    stream.once('response', (response: { statusCode: number; headers: IncomingHttpHeaders }) => {
      answer = { status: response.statusCode, headers: response.headers };
    });
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_ANSWER_BYTES) stream.destroy(Object.assign(new Error('too large'), { code: 'TOO_LARGE' }));
      else chunks.push(chunk);
    });
    stream.once('end', () => {
      if (answer !== null) resolve({ ...answer, body: Buffer.concat(chunks).toString('utf8') });
    });
    // Stays for good: an error after the promise has settled would otherwise be nobody's.
    stream.on('error', (error: Error) => {
      // A status outside 2xx says enough without the rest of its body.
      if (answer !== null && answer.status >= 300) resolve({ ...answer, body: '' });
      else reject(error);
    });
  });
}

function noAnswer({ url, call }: ProductRequest, code: string): Error {
  if (code === ADDRESS_REFUSED) return privateAddress(url);
  if (code === 'TOO_LARGE') return new Error(`The answer of ${url.host} to ${call} is larger than is accepted.`);
  return new Error(`There was no complete answer of ${url.host} to ${call} (${code}).`);
}

function privateAddress(url: URL): ProductConfigurationError {
  return new ProductConfigurationError(
    `The product's host ${url.host} leads to an address inside a private or reserved network. Where that is meant, set privateAddresses to allowed.`,
  );
}
