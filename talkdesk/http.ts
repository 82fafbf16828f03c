import { randomUUID } from 'node:crypto';
import { Agent as HttpAgent, type IncomingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP } from 'node:net';
import { got, type OptionsInit } from 'got';
import { ADDRESS_REFUSED, type AddressCheck, createAddressCheck, createGuardedLookup } from './addresses.js';
import { TalkdeskError } from './errors.js';
import { hostAndPort, parseStrictUrl } from './strict-url.js';

const USER_AGENT = 'appconnect-lifecycle';
/** Ours, for matching our log with a proxy's; Talkdesk documents no request id (talkdesk-api.md 6). */
const CORRELATION_HEADER = 'x-correlation-id';

const DEFAULT_MAX_RESPONSE_BYTES = 2 * 1024 * 1024;
/** Sockets per host: enough for every running activity of a worker, few enough not to look like an attack. */
const DEFAULT_MAX_SOCKETS = 64;
const MAX_FREE_SOCKETS = 16;
/** Bounds on the parts of a request; the whole is bounded by the caller. */
const LOOKUP_TIMEOUT_MS = 3_000;
const CONNECT_TIMEOUT_MS = 3_000;

/** A finished exchange, for metrics. */
export interface HttpObservation {
  operation: string;
  /** Null when there was no answer. */
  status: number | null;
  durationMs: number;
  correlationId: string;
}

export interface HttpOptions {
  /** `host:port` that may be used over plain http and may have a private address. For development. */
  insecureHosts: readonly string[];
  /** Longest answer that is read; 2 MB unless told. */
  maxResponseBytes?: number;
  /** Most sockets per host; 64 unless told. */
  maxSockets?: number;
  observe?: (observation: HttpObservation) => void;
}

/** One request. Nothing is retried and no redirect is followed. */
export interface HttpRequest {
  /** Verb phrase for messages and metrics, such as `read the account`. */
  operation: string;
  method: 'GET' | 'POST';
  url: string;
  headers?: Record<string, string>;
  body?: string;
  /** Cuts the request off. */
  signal: AbortSignal;
  /** Bounds the whole request, in milliseconds. */
  timeoutMs: number;
  /** With `true`, a 2xx status is the answer whatever its body is or becomes. */
  ignoreBody?: boolean;
}

export interface HttpResponse {
  status: number;
  headers: IncomingHttpHeaders;
  /** Text of the answer; empty when it was to be ignored, or when an answer outside 2xx could not be read to its end. */
  body: string;
}

export interface HttpClient {
  /**
   * Gives whatever status comes.
   *
   * @throws TalkdeskError retryable when there is no complete answer; needs-person when the address may not be used
   */
  send(request: HttpRequest): Promise<HttpResponse>;
  /** Ends all connections. */
  close(): void;
}

/** Makes an HTTP client with its own connections. */
export function createHttpClient(options: HttpOptions): HttpClient {
  const maxResponseBytes = options.maxResponseBytes ?? DEFAULT_MAX_RESPONSE_BYTES;
  const insecureHosts = new Set(options.insecureHosts);
  const isRefused = createAddressCheck();
  const sockets = {
    keepAlive: true,
    maxSockets: options.maxSockets ?? DEFAULT_MAX_SOCKETS,
    maxFreeSockets: MAX_FREE_SOCKETS,
  };
  const guarded = new HttpsAgent({ ...sockets, lookup: createGuardedLookup(isRefused) });
  const open = { http: new HttpAgent(sockets), https: new HttpsAgent(sockets) };
  const client = got.extend({
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    enableUnixSockets: false,
    headers: { 'user-agent': USER_AGENT },
  });

  function exchange(request: HttpRequest, correlationId: string, signal: AbortSignal): Promise<HttpResponse> {
    const url = checkedUrl(request, insecureHosts, isRefused);
    const isInsecure = insecureHosts.has(hostAndPort(url));
    const init: OptionsInit = {
      method: request.method,
      headers: { ...request.headers, [CORRELATION_HEADER]: correlationId },
      agent: isInsecure ? open : { https: guarded },
      signal,
      timeout: {
        lookup: Math.min(LOOKUP_TIMEOUT_MS, request.timeoutMs),
        connect: Math.min(CONNECT_TIMEOUT_MS, request.timeoutMs),
        secureConnect: Math.min(CONNECT_TIMEOUT_MS, request.timeoutMs),
        request: request.timeoutMs,
      },
      ...(request.body === undefined ? {} : { body: request.body }),
    };
    return new Promise((resolve, reject) => {
      const stream = client.stream(url, { ...init, isStream: true });
      const chunks: Buffer[] = [];
      let size = 0;
      let answer: { status: number; headers: IncomingHttpHeaders } | null = null;

      stream.once('response', (response: { statusCode: number; headers: IncomingHttpHeaders }) => {
        answer = { status: response.statusCode, headers: response.headers };
        if (request.ignoreBody === true && isSuccess(answer.status)) resolve({ ...answer, body: '' });
      });
      stream.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxResponseBytes) stream.destroy(Object.assign(new Error('too large'), { code: 'TOO_LARGE' }));
        else chunks.push(chunk);
      });
      stream.once('end', () => {
        if (answer !== null) resolve({ ...answer, body: Buffer.concat(chunks).toString('utf8') });
      });
      // Stays for good: an error after the promise has settled would otherwise be nobody's.
      stream.on('error', (error: NodeJS.ErrnoException) => {
        // The status of an answer outside 2xx says enough without the rest of its body.
        if (answer !== null && !isSuccess(answer.status) && !request.signal.aborted) resolve({ ...answer, body: '' });
        else reject(noAnswer(request, error.code ?? null, answer?.status ?? null));
      });
    });
  }

  return {
    async send(request) {
      const correlationId = randomUUID();
      // The library leaves its listener on the signal it is given; the caller's may live through many requests.
      const cutOff = new AbortController();
      const onAbort = () => cutOff.abort();
      if (request.signal.aborted) onAbort();
      else request.signal.addEventListener('abort', onAbort, { once: true });
      const startedMs = performance.now();
      let status: number | null = null;
      try {
        const response = await exchange(request, correlationId, cutOff.signal);
        status = response.status;
        return response;
      } catch (error) {
        if (error instanceof TalkdeskError) throw error;
        // Whatever else the library throws may hold the request, and with it the token.
        throw noAnswer(request, null, null);
      } finally {
        request.signal.removeEventListener('abort', onAbort);
        const durationMs = performance.now() - startedMs;
        options.observe?.({ operation: request.operation, status, durationMs, correlationId });
      }
    },
    close() {
      for (const agent of [guarded, open.http, open.https]) agent.destroy();
    },
  };
}

/** Whether a status is 2xx. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function checkedUrl(request: HttpRequest, insecureHosts: ReadonlySet<string>, isRefused: AddressCheck): URL {
  const url = parseStrictUrl(request.url);
  if (url === null) throw unusableAddress(request, 'the address is not a plain URL.');
  const host = hostAndPort(url);
  if (insecureHosts.has(host)) return url;
  if (url.protocol !== 'https:') throw unusableAddress(request, `${host} may only be used over https.`);
  // Sockets look up names only: an address in the URL itself never meets the lookup's check.
  const literal = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(literal) !== 0 && isRefused(literal)) throw privateAddress(request, host);
  return url;
}

function noAnswer(request: HttpRequest, networkCode: string | null, status: number | null): TalkdeskError {
  const host = hostOf(request.url);
  if (networkCode === ADDRESS_REFUSED) return privateAddress(request, host);
  const code = request.signal.aborted ? 'ABORTED' : networkCode;
  const failure = { failureClass: 'retryable', operation: request.operation, status, code } as const;
  return new TalkdeskError(failure, wordsOf(code, host, request.timeoutMs, status));
}

function wordsOf(code: string | null, host: string, timeoutMs: number, status: number | null): string {
  if (code === 'ABORTED') return 'the attempt was cut off.';
  if (code === 'ETIMEDOUT') return `${host} gave no complete answer within ${timeoutMs} ms.`;
  if (code === 'TOO_LARGE') return `the answer of ${host} is larger than is accepted.`;
  if (status !== null) return `the answer of ${host} broke off.`;
  return `the connection to ${host} failed${code === null ? '' : ` (${code})`}.`;
}

function privateAddress(request: HttpRequest, host: string): TalkdeskError {
  return new TalkdeskError(
    { failureClass: 'needs-person', operation: request.operation, code: ADDRESS_REFUSED },
    `${host} leads to an address inside a private or reserved network. Check the region file and the name server.`,
  );
}

function unusableAddress(request: HttpRequest, what: string): TalkdeskError {
  return new TalkdeskError({ failureClass: 'needs-person', operation: request.operation, code: ADDRESS_REFUSED }, what);
}

function hostOf(text: string): string {
  const url = parseStrictUrl(text);
  return url === null ? 'unknown host' : hostAndPort(url);
}
