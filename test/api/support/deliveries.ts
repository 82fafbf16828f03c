import { createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The app that the tests' ingress knows. */
export const APP_ID = 'f918e2623486417791f3b5a18ca746ce';

/** A signature key pair with the id under which the key endpoint serves it. */
export interface SigningKey {
  keyId: string;
  privateKey: KeyObject;
  /** base64 of the SPKI form. */
  publicKeyText: string;
}

export function newSigningKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    keyId: randomBytes(16).toString('hex'),
    privateKey,
    publicKeyText: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  };
}

/** The two signature headers for these bytes: hex of a DER signature over SHA-512 (talkdesk-api.md 2.1). */
export function signatureHeaders(key: SigningKey, body: Buffer): Record<string, string> {
  return {
    'X-Hub-Ecdsa-Signature': createSign('sha512').update(body).sign(key.privateKey).toString('hex'),
    'X-Hub-Ecdsa-Signature-Id': key.keyId,
  };
}

/** Secrets put into every event of `installedEvent`, to look for in logs and in the database. */
export const EVENT_SECRETS = ['client-secret-9f2c77d1', 'cHJpdmF0ZS1rZXktOWYyYzc3ZDE='];

/** An `app.installed` body (talkdesk-api.md 1.4) with fresh ids. */
export function installedEvent(changes: { top?: object; data?: object } = {}): {
  body: Buffer;
  eventId: string;
  accountId: string;
  installationId: string;
} {
  const eventId = randomBytes(16).toString('hex');
  const accountId = randomBytes(16).toString('hex');
  const installationId = randomBytes(16).toString('hex');
  const event = {
    id: eventId,
    created_at: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    api_version: '1',
    type: 'app.installed',
    app_id: APP_ID,
    app_version_id: '22222222222222222222222222222222',
    app_version_name: '1.4.0',
    data: {
      installation_id: installationId,
      account_id: accountId,
      account_name: 'acme',
      client_id: '55555555555555555555555555555555',
      client_secret: EVENT_SECRETS[0],
      private_key: EVENT_SECRETS[1],
      public_key: 'cHVibGlj',
      key_id: '66666666666666666666666666666666',
      key_algorithm: 'ES256',
      ...changes.data,
    },
    _links: {
      root: { href: 'https://api.talkdeskapp.com' },
      self: { href: 'https://api.talkdeskapp.com/apps/1/events/2' },
      userinfo: { href: 'https://api.talkdeskapp.com/users/me' },
      authorization: { href: 'https://acme.talkdeskid.com/oauth/authorize' },
      token: { href: 'https://acme.talkdeskid.com/oauth/token' },
    },
    ...changes.top,
  };
  return { body: Buffer.from(JSON.stringify(event)), eventId, accountId, installationId };
}

export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** One HTTP request over a connection of its own. `write` may send the body in its own time. */
export function send(
  url: string,
  options: {
    method?: string;
    headers?: Record<string, string | string[]>;
    body?: Buffer;
    write?: (socket: import('node:http').ClientRequest) => void;
  } = {},
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const req = httpRequest(
      url,
      { method: options.method ?? 'POST', headers: options.headers ?? {}, agent: false },
      (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('error', reject);
        res.on('end', () => {
          resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks).toString('utf8') });
          req.destroy();
        });
      },
    );
    req.on('error', reject);
    if (options.write) options.write(req);
    else req.end(options.body);
  });
}

/** Sends a signed delivery; `headers` come on top. */
export function deliver(
  url: string,
  key: SigningKey,
  body: Buffer,
  headers: Record<string, string | string[]> = {},
): Promise<HttpAnswer> {
  return send(url, {
    body,
    headers: { 'Content-Type': 'application/json', ...signatureHeaders(key, body), ...headers },
  });
}

/** A key endpoint (talkdesk-api.md 2.1) on a free port. */
export interface KeyEndpoint {
  url: string;
  hostPort: string;
  /** Ids asked for so far. */
  asked: string[];
  /** What it answers with: keys, or nothing but 503. */
  mode: 'serving' | 'failing';
  add(key: SigningKey): void;
  close(): Promise<void>;
}

export async function startKeyEndpoint(...keys: SigningKey[]): Promise<KeyEndpoint> {
  const known = new Map(keys.map((key) => [key.keyId, key]));
  let newest = keys.at(-1);
  const server: Server = createServer((req, res) => {
    const id = (req.url ?? '').replace(/^\/events\/signature-keys\//, '');
    endpoint.asked.push(id);
    const key = id === 'latest' ? newest : known.get(id);
    const json = (status: number, value: object) =>
      res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
    if (endpoint.mode === 'failing') return json(503, {});
    if (key === undefined) return json(404, { code: '0080021', message: 'Signature key not found' });
    return json(200, { key_id: key.keyId, public_key: key.publicKeyText, created_at: '2026-01-01T00:00:00Z' });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const hostPort = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const endpoint: KeyEndpoint = {
    url: `http://${hostPort}`,
    hostPort,
    asked: [],
    mode: 'serving',
    add(key) {
      known.set(key.keyId, key);
      newest = key;
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return endpoint;
}
