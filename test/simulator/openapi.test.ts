import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';

type Json = Record<string, unknown>;
interface Operation {
  operationId: string;
  summary: string;
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: Json }> };
  responses: Record<string, { content?: Record<string, { schema: Json }> }>;
}

let simulator: RunningSimulator;
let paths: Record<string, Record<string, Operation>>;
const backend = createServer((request, response) => request.resume().on('end', () => response.end()));
const asked = new Set<string>();

before(async () => {
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  simulator = await startSimulator();
  const response = await fetch(`${simulator.url}/_control/openapi.json`);
  const document = (await response.json()) as { openapi: string; paths: typeof paths; error?: string };
  // A route that is served and not described, or the other way round, is said here.
  assert.equal(response.status, 200, document.error);
  assert.equal(document.openapi, '3.1.0');
  paths = document.paths;
});

after(async () => {
  await simulator.stop();
  backend.close();
});

/** Asks a documented route and holds the answer to what is documented about it. */
async function ask(route: string, given: { path?: Record<string, string>; query?: string; body?: unknown } = {}) {
  const [method = '', template = ''] = route.split(' ');
  const operation = paths[template]?.[method.toLowerCase()];
  assert.ok(operation, `${route} is not documented`);
  asked.add(route);
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(given.path?.[name] ?? ''));
  const isText = typeof given.body === 'string';
  const response = await fetch(`${simulator.url}/_control${path}${given.query ?? ''}`, {
    method,
    ...(given.body === undefined
      ? {}
      : {
          headers: { 'content-type': isText ? 'application/yaml' : 'application/json' },
          body: isText ? (given.body as string) : JSON.stringify(given.body),
        }),
  });
  const answer = (await response.json()) as Json;
  const schema = operation.responses[String(response.status)]?.content?.['application/json']?.schema;
  assert.ok(schema, `${route} answered ${response.status}, which is not documented: ${JSON.stringify(answer)}`);
  const parsed = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).safeParse(answer);
  assert.ok(parsed.success, `${route}: ${parsed.error?.message}`);
  return answer;
}

test('every route answers as it is documented, and every documented route is asked here', async () => {
  const { port } = backend.address() as AddressInfo;
  const callback = `http://127.0.0.1:${port}/`;
  await ask('GET /openapi.json');
  await ask('GET /health');
  await ask('PUT /apps/{app_id}', { path: { app_id: 'demo' }, body: { callback_url: callback } });
  await ask('GET /apps');
  await ask('POST /clock', { body: { mode: 'frozen' } });

  const created = await ask('POST /installations', { body: { app_id: 'demo', plan: 'Trial', users: 2 } });
  const path = { installation_id: String(created['installation_id']), account_id: String(created['account_id']) };
  await ask('POST /installations/{installation_id}/rotate', { path, body: {} });
  await ask('POST /installations/{installation_id}/trial/start', { path, body: {} });
  await ask('POST /installations/{installation_id}/trial/extend', { path, body: {} });
  await ask('POST /installations/{installation_id}/trial/end', { path, body: {} });
  await ask('POST /installations/{installation_id}/logout', { path, body: {} });
  await ask('POST /installations/{installation_id}/events', { path, body: { type: 'app.something_new' } });
  await approve(created);
  await ask('POST /installations/{installation_id}/update', { path, body: { users: 3, merge: { more: true } } });
  await ask('GET /installations/{installation_id}/settings', { path });
  await ask('POST /installations/{installation_id}/uninstall', { path, body: { reason: { type: 'other' } } });
  await ask('GET /installations');
  await ask('GET /installations/{installation_id}', { path });
  await ask('GET /accounts');
  await ask('GET /accounts/{account_id}', { path });
  await ask('PUT /accounts/{account_id}/users/{user_id}', { path: { ...path, user_id: 'u1' }, body: { name: 'Ann' } });
  await ask('GET /accounts/{account_id}/users', { path });
  await ask('PUT /accounts/{account_id}/ip-allow-list', { path, body: { addresses: ['127.0.0.1'] } });
  await ask('GET /decisions');
  await ask('GET /secrets');

  const event = { event_id: String(created['event_id']) };
  await ask('POST /events', { body: { callback_url: callback, text: 'as it is' } });
  await ask('POST /events/{event_id}/deliver', { path: event, body: {} });
  await ask('GET /events/{event_id}', { path: event });
  await ask('GET /events/{event_id}/signed', { path: event, query: '?tamper=bad-hex' });
  await ask('POST /signature-keys/rotate', { body: {} });
  await ask('GET /events', { query: '?type=app.installed' });

  const fault = await ask('POST /faults', { body: { route: 'account', kind: 'status', status: 503, times: 2 } });
  await fetch(`${simulator.url}/account?access_token=x`);
  await ask('GET /faults');
  await ask('DELETE /faults/{fault_id}', { path: { fault_id: String(fault['id']) } });
  await ask('POST /faults', { body: { route: 'account', kind: 'hold' } });
  const held = fetch(`${simulator.url}/account`);
  const hold = { hold_id: await heldId() };
  await ask('POST /holds/{hold_id}/release', { path: hold, body: {} });
  await held;
  await ask('DELETE /faults');
  await ask('GET /requests', { query: '?route=account' });
  await ask('GET /verdicts', { query: '?app_id=demo' });
  await ask('GET /overview', { query: `?selected=${path.installation_id}` });
  const scenario = await ask('POST /scenarios', { body: 'name: late\nsteps: [{ at: 1h, do: clear-faults }]\n' });
  await ask('GET /scenarios');
  await ask('DELETE /scenarios/{scenario_id}', { path: { scenario_id: String(scenario['scenario_id']) } });
  await ask('GET /switches');
  await ask('PATCH /switches', { body: { created_by: 'string' } });
  await ask('GET /clock');
  await ask('PUT /snapshot', { body: await ask('GET /snapshot') });

  const documented = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual([...asked].sort(), documented.sort());
});

/** The partner's own call, so that there are decisions and tokens to show. */
async function approve(created: Json): Promise<void> {
  const event = await simulator.control.signed(String(created['event_id']));
  const { data } = JSON.parse(Buffer.from(event.body_base64, 'base64').toString()) as { data: Record<string, string> };
  const basic = Buffer.from(`${data['client_id']}:${data['client_secret']}`).toString('base64');
  const token = await fetch(`${simulator.url}/${created['account_name']}/oauth/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: 'grant_type=client_credentials',
  });
  const { access_token } = (await token.json()) as { access_token: string };
  const decided = await fetch(`${simulator.url}/apps/demo/installations/${created['installation_id']}/state`, {
    method: 'POST',
    headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ state: 'approve' }),
  });
  assert.equal(decided.status, 200);
}

async function heldId(): Promise<string> {
  for (;;) {
    const [hold] = (await ask('GET /holds')) as unknown as { id: string }[];
    if (hold !== undefined) return hold.id;
  }
}

test('input is documented from what the routes read: a field that is not known is not allowed', () => {
  const body = (path: string, method: string) =>
    paths[path]?.[method]?.requestBody?.content['application/json']?.schema ?? {};
  const install = z.fromJSONSchema(body('/installations', 'post') as Parameters<typeof z.fromJSONSchema>[0]);
  assert.ok(install.safeParse({ app_id: 'demo', region: 'eu', users: 25, plan: { name: 'Trial' } }).success);
  assert.ok(!install.safeParse({ app_id: 'demo', regoin: 'eu' }).success);
  assert.ok(!install.safeParse({ region: 'eu' }).success);
  const fault = z.fromJSONSchema(body('/faults', 'post') as Parameters<typeof z.fromJSONSchema>[0]);
  assert.ok(fault.safeParse({ route: 'state', kind: 'status', status: 503 }).success);
  assert.ok(!fault.safeParse({ route: 'state', kind: 'no such kind' }).success);
});

test('each operation has a name of its own, a summary, and its path parameters', () => {
  const operations = Object.entries(paths).flatMap(([path, byMethod]) =>
    Object.values(byMethod).map((operation) => ({ path, ...operation })),
  );
  assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
  for (const { path, summary, parameters = [], operationId } of operations) {
    assert.ok(summary.length > 0, operationId);
    const named = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => `{${name}}`);
    assert.deepEqual(named, path.match(/\{\w+\}/g) ?? [], operationId);
  }
});
