import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An `app.installed` as far as a backend needs it (talkdesk-api.md 1.4). */
interface Installed {
  type: string;
  app_id: string;
  data: { installation_id: string; client_id: string; private_key: string; key_id: string };
  _links: { root: { href: string }; token: { href: string } };
}

/** The calls to Talkdesk that one installation makes: token, account, installation, users, subscription, decision, state again. */
export const REQUESTS_OF_AN_INSTALLATION = 7;

const APP_ID = 'bench-app';
const SCOPE = 'account:read apps:read apps:write users:read';

/** A partner's backend reduced to its requests, and the customers that install its app. */
export interface Load {
  /** Installs so often, so many at a time; resolves when each has been approved. */
  run(installations: number, atOnce: number): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Registers an app whose backend this process is.
 * @param simulatorUrl the simulator under load
 */
export async function createLoad(simulatorUrl: string): Promise<Load> {
  const settled = new Map<string, { done: () => void; failed: (error: unknown) => void }>();

  const control = (method: string, path: string, body: object) =>
    call(method, `${simulatorUrl}/_control${path}`, { 'content-type': 'application/json' }, JSON.stringify(body));

  async function answerInstall(event: Installed): Promise<void> {
    const { root, token } = event._links;
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      scope: SCOPE,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion(event),
    });
    const formType = { 'content-type': 'application/x-www-form-urlencoded' };
    const granted = await call('POST', token.href, formType, form.toString());
    const bearer = { authorization: `Bearer ${JSON.parse(granted.toString()).access_token}` };
    const installation = `${root.href}/apps/${event.app_id}/installations/${event.data.installation_id}`;
    await call('GET', `${root.href}/account`, bearer);
    await call('GET', installation, bearer);
    await call('GET', `${installation}/users`, bearer);
    await call('GET', `${installation}/subscription`, bearer);
    const approve = JSON.stringify({ state: 'approve', reason: 'ready' });
    await call('POST', `${installation}/state`, { ...bearer, 'content-type': 'application/json' }, approve);
    await call('GET', installation, bearer);
  }

  const backend = createServer((request, response) => {
    void read(request).then((body) => {
      response.writeHead(204).end();
      const event = JSON.parse(body.toString()) as Installed;
      const waiter = settled.get(event.data.installation_id);
      answerInstall(event).then(waiter?.done, waiter?.failed);
    });
  });
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const callbackUrl = `http://127.0.0.1:${(backend.address() as AddressInfo).port}/`;
  await control('PUT', `/apps/${APP_ID}`, { callback_url: callbackUrl });

  async function install(): Promise<void> {
    const id = randomUUID();
    const approved = new Promise<void>((done, failed) => settled.set(id, { done, failed }));
    await control('POST', '/installations', { app_id: APP_ID, installation_id: id, users: 10 });
    await approved;
    settled.delete(id);
  }

  return {
    run: (installations, atOnce) => repeat(install, installations, atOnce),
    async stop() {
      backend.closeAllConnections();
      backend.close();
      await once(backend, 'close');
    },
  };
}

/** Asks one URL so often, so many at a time. */
export async function ask(url: string, times: number, atOnce: number): Promise<void> {
  await repeat(async () => void (await call('GET', url, {})), times, atOnce);
}

async function repeat(what: () => Promise<void>, times: number, atOnce: number): Promise<void> {
  let left = times;
  const one = async () => {
    while (left-- > 0) await what();
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

async function call(method: string, url: string, headers: Record<string, string>, body?: string): Promise<Buffer> {
  const outgoing = httpRequest(url, { method, agent, headers });
  outgoing.end(body);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const answer = await read(incoming);
  const status = incoming.statusCode ?? 0;
  if (status >= 300) throw new Error(`${method} ${url} was answered ${status}: ${answer.toString()}`);
  return answer;
}

async function read(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A client assertion, ES256 (talkdesk-api.md 3.2). */
function assertion({ data, _links }: Installed): string {
  const seconds = Math.floor(Date.now() / 1000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: data.client_id, sub: data.client_id, aud: _links.token.href, jti: randomUUID() };
  const head = part({ alg: 'ES256', kid: data.key_id, typ: 'JWT' });
  const text = `${head}.${part({ ...claims, iat: seconds, exp: seconds + 300 })}`;
  const key = createPrivateKey({ key: Buffer.from(data.private_key, 'base64'), format: 'der', type: 'pkcs8' });
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}
