import { createPrivateKey, type KeyObject, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import type { CreatedInstallation, InstallationInput, RunningSimulator } from '../support/simulator.js';

/** An `app.installed` as talkdesk-api.md 1.4 prints it. */
export interface InstalledEvent {
  id: string;
  created_at: string;
  data: {
    installation_id: string;
    account_name: string;
    client_id: string;
    client_secret: string;
    private_key: string;
    public_key: string;
    key_id: string;
    key_algorithm: string;
  };
  _links: { token: { href: string }; root: { href: string } };
}

/** An installation whose event was never sent: its ids, and the event as the partner would have got it. */
export type Prepared = CreatedInstallation & { event: InstalledEvent };

export const appId = '11111111111111111111111111111111';

/** The body of an event as the partner would get it. */
// biome-ignore lint/suspicious/noExplicitAny: bodies are compared with literals, which checks them better than a type.
export async function bodyOf(simulator: RunningSimulator, eventId: string): Promise<any> {
  const { body_base64 } = await simulator.control.signed(eventId);
  return JSON.parse(Buffer.from(body_base64, 'base64').toString());
}

/** The same installation with the credentials of a later event. */
export async function withCredentialsOf(
  simulator: RunningSimulator,
  prepared: Prepared,
  eventId: string,
): Promise<Prepared> {
  const { data } = await bodyOf(simulator, eventId);
  return { ...prepared, client_id: data.client_id, event: { ...prepared.event, data } };
}

/** Prepares an installation without delivering its event; registers the app first. */
export async function prepare(simulator: RunningSimulator, input: Partial<InstallationInput> = {}): Promise<Prepared> {
  await simulator.control.registerApp(appId, { callback_url: 'http://127.0.0.1:9/never-called' });
  const created = await simulator.control.createInstallation({ app_id: appId, deliver: false, ...input });
  return { ...created, event: (await bodyOf(simulator, created.event_id)) as InstalledEvent };
}

/** The private key of the event: base64 PKCS#8 DER without armour (talkdesk-api.md 3.2). */
function privateKeyOf(event: InstalledEvent): KeyObject {
  return createPrivateKey({ key: Buffer.from(event.data.private_key, 'base64'), format: 'der', type: 'pkcs8' });
}

/** A client assertion as talkdesk-api.md 3.2 wants it, with anything replaced; undefined leaves a claim out. */
export async function assertion(
  { event }: Prepared,
  changes: { claims?: Record<string, unknown>; alg?: string; kid?: string; key?: KeyObject; nowMs?: number } = {},
): Promise<string> {
  const nowSeconds = Math.floor((changes.nowMs ?? Date.now()) / 1000);
  const claims: Record<string, unknown> = {
    iss: event.data.client_id,
    sub: event.data.client_id,
    aud: event._links.token.href,
    jti: randomUUID(),
    iat: nowSeconds,
    exp: nowSeconds + 300,
    ...changes.claims,
  };
  return await new SignJWT(Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined)))
    .setProtectedHeader({
      alg: changes.alg ?? event.data.key_algorithm,
      kid: changes.kid ?? event.data.key_id,
      typ: 'JWT',
    })
    .sign(changes.key ?? privateKeyOf(event));
}

/** Status, headers and body of an answer; the body parsed when it is JSON, the empty text when there is none. */
export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: bodies are compared with literals, which checks them better than a type.
  body: any;
}

/** Sends a request and reads the whole answer. */
export async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { redirect: 'manual', ...init });
  const text = await response.text();
  const isJson = (response.headers.get('content-type') ?? '').startsWith('application/json');
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

/** The form of a token request (talkdesk-api.md 3.2). */
export function tokenForm(clientAssertion: string, scope = 'account:read apps:read apps:write users:read') {
  return {
    grant_type: 'client_credentials',
    scope,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: clientAssertion,
  };
}

/** Posts a form to the token URL of the event. */
export function postForm(prepared: Prepared, form: Record<string, string>, headers: Record<string, string> = {}) {
  return ask(prepared.event._links.token.href, { method: 'POST', headers, body: new URLSearchParams(form) });
}

/** A token with these scopes, all four of the install path unless said. */
export async function token(prepared: Prepared, scope?: string, nowMs?: number): Promise<string> {
  const signed = await assertion(prepared, nowMs === undefined ? {} : { nowMs });
  const answer = await postForm(prepared, tokenForm(signed, scope));
  if (answer.status !== 200) throw new Error(`The token was refused: ${JSON.stringify(answer.body)}`);
  return answer.body.access_token as string;
}

/** A GET with a bearer token. */
export function get(url: string, accessToken: string): Promise<Answer> {
  return ask(url, { headers: { authorization: `Bearer ${accessToken}` } });
}

/** Posts a decision (talkdesk-api.md 4.4). */
export function decide(
  simulator: RunningSimulator,
  { installation_id }: Prepared,
  accessToken: string,
  decision: unknown,
) {
  return ask(`${simulator.url}/apps/${appId}/installations/${installation_id}/state`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(decision),
  });
}

/** Prepares an installation and approves it: completed, with a token of its own. */
export async function completed(simulator: RunningSimulator, input: Partial<InstallationInput> = {}, nowMs?: number) {
  const prepared = await prepare(simulator, input);
  const accessToken = await token(prepared, undefined, nowMs);
  await decide(simulator, prepared, accessToken, { state: 'approve', reason: 'ready' });
  const url = `${simulator.url}/apps/${appId}/installations/${prepared.installation_id}`;
  return { id: prepared.installation_id, prepared, accessToken, url };
}

/** Acknowledges a client (talkdesk-api.md 4.5). */
export function acknowledge(
  installationUrl: string,
  clientId: string,
  accessToken: string,
  body: unknown = { state: 'acknowledged' },
) {
  return ask(`${installationUrl}/credentials/${clientId}/state`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** One delivery as the partner received it. */
export interface Received {
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/** A partner's callback URL that answers with the given statuses in turn (the last one for good) and keeps what it got. */
export async function startPartner(...statuses: number[]) {
  const received: Received[] = [];
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const status = statuses[Math.min(received.length, statuses.length - 1)] ?? 204;
    received.push({ headers: request.headers, body: Buffer.concat(chunks) });
    response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end();
  };
  const server = createServer((request, response) => void listener(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`,
    received,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A callback URL where requests arrive and nothing is ever answered. */
export async function startSilent() {
  const server = createServer(() => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
