import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';

let simulator: RunningSimulator;
let port: string;

before(async () => {
  simulator = await startSimulator({ env: { SIMULATOR_BASE_URL: 'http://talkdesk.test:8080/base' } });
  ({ port } = new URL(simulator.url));
  await simulator.control.registerApp('an-app', { callback_url: 'http://127.0.0.1:9/never-called' });
});
after(() => simulator.stop());

interface Answer {
  status: number | undefined;
  headers: NodeJS.Dict<string | string[]>;
  /** What the answer says under `error`, or its text. */
  says: string;
}

/** One request with exactly these headers, also those that fetch would not let through. */
async function send(
  path: string,
  {
    method = 'GET',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false });
  sent.end(body);
  const [response] = await once(sent, 'response');
  const text = Buffer.concat(await response.toArray()).toString();
  const isJson = String(response.headers['content-type']).includes('json');
  return { status: response.statusCode, headers: response.headers, says: isJson ? JSON.parse(text).error : text };
}

const json = { 'content-type': 'application/json' };
const install = { method: 'POST', body: '{"app_id":"an-app","deliver":false}' };
const count = async () => (await simulator.control.installations()).length;

test('it answers to the names of this machine, and to the host of its base URL', async () => {
  for (const host of [
    `127.0.0.1:${port}`,
    `localhost:${port}`,
    'localhost',
    `[::1]:${port}`,
    'LOCALHOST.',
    '127.8.9.10',
    'a.localhost',
  ]) {
    assert.equal((await send('/_control/health', { headers: { host } })).status, 200, host);
  }
  assert.equal((await send('/_control/health', { headers: { host: 'talkdesk.test' } })).status, 200);
});

test('it does not answer to a name that somebody else made to point here', async () => {
  const names = [
    'rebound.example',
    `rebound.example:${port}`,
    '127.0.0.1.rebound.example',
    'localhost.rebound.example',
    '192.168.1.5',
    'user@localhost',
  ];
  for (const host of names) {
    for (const path of ['/_control/secrets', '/_page/', '/']) {
      const answer = await send(path, { headers: { host } });
      assert.equal(answer.status, 403, `${host} ${path}`);
      assert.match(answer.says, /^Host: it must be localhost, .* not ".*"\.\s*$/);
    }
  }
});

test('a request that names no host is refused', async () => {
  for (const [head, named] of [
    ['GET /_control/secrets HTTP/1.0', 'left out'],
    ['GET /_control/secrets HTTP/1.1\r\nConnection: close\r\nHost: ', '""'],
  ]) {
    const socket = connect(Number(port), '127.0.0.1');
    socket.end(`${head}\r\n\r\n`);
    const [status, says] = Buffer.concat(await socket.toArray())
      .toString()
      .split('\r\n\r\n');
    assert.match(status ?? '', /^HTTP\/1\.1 403 /);
    assert.match(JSON.parse(says ?? '').error, new RegExp(`^Host: it must be localhost, .* not ${named}\\.$`));
  }
});

test('a script of another origin reads and changes nothing', async () => {
  const before = await count();
  const host = `localhost:${port}`;
  for (const origin of [
    'https://evil.example',
    'null',
    'http://localhost',
    'http://localhost:1',
    `http://127.0.0.1:${port}`,
    'file://',
  ]) {
    const read = await send('/_control/secrets', { headers: { host, origin } });
    const write = await send('/_control/installations', { ...install, headers: { ...json, host, origin } });
    const asked = { host, origin, 'access-control-request-method': 'DELETE' };
    const preflight = await send('/_control/faults', { method: 'OPTIONS', headers: asked });
    for (const answer of [read, write, preflight]) {
      assert.equal(answer.status, 403, origin);
      assert.equal(
        answer.says,
        `Origin: only the simulator's own page may call the control API from a browser, not one of "${origin}".`,
      );
      assert.equal(answer.headers['access-control-allow-origin'], undefined);
    }
  }
  assert.equal(await count(), before);
});

test('a browser that names no origin says whose page asks, and another site is refused', async () => {
  for (const site of ['cross-site', 'same-site']) {
    const answer = await send('/_control/secrets', { headers: { 'sec-fetch-site': site } });
    assert.deepEqual(
      [answer.status, answer.says],
      [
        403,
        `Sec-Fetch-Site: a page of another site may not call the control API ("${site}"); use the simulator's own page.`,
      ],
    );
  }
  assert.equal((await send('/_control/health', { headers: { 'sec-fetch-site': 'none' } })).status, 200);
  // A link of another site may lead to the page, which then asks by itself.
  assert.equal((await send('/_page/', { headers: { 'sec-fetch-site': 'cross-site' } })).status, 200);
});

test('the page of the simulator itself reads and changes', async () => {
  const before = await count();
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, 'talkdesk.test:8080']) {
    const headers = { ...json, host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' };
    assert.equal((await send('/_control/installations', { ...install, headers })).status, 201);
  }
  assert.equal(await count(), before + 3);
});

test('what a form can send is not taken for JSON', async () => {
  const before = await count();
  for (const type of [
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain',
    'text/plain; a=application/json',
  ]) {
    const answer = await send('/_control/installations', { ...install, headers: { 'content-type': type } });
    assert.equal(answer.status, 415);
    assert.equal(answer.says, `Content-Type: POST takes application/json here, not "${type.split(';')[0]}".`);
  }
  const untyped = await send('/_control/clock', { method: 'POST' });
  assert.deepEqual(
    [untyped.status, untyped.says],
    [415, 'Content-Type: POST takes application/json here, it is missing.'],
  );
  const yaml = await send('/_control/installations', { ...install, headers: { 'content-type': 'application/yaml' } });
  assert.equal(yaml.status, 415);
  const scenario = await send('/_control/scenarios', { method: 'POST', headers: { 'content-type': 'text/plain' } });
  assert.equal(scenario.says, 'Content-Type: POST takes application/json or application/yaml here, not "text/plain".');
  assert.equal(await count(), before);
});

test('programs without a browser go on as before', async () => {
  const charset = { 'content-type': 'application/json; charset=utf-8' };
  assert.equal((await send('/_control/installations', { ...install, headers: charset })).status, 201);
  assert.equal((await send('/_control/faults', { method: 'DELETE' })).status, 200);
  const answer = await send('/_control/health');
  assert.deepEqual(
    [answer.status, answer.headers['x-content-type-options'], answer.headers['cross-origin-resource-policy']],
    [200, 'nosniff', 'same-origin'],
  );
});

test("the page is our own files only, and no other site's frame shows it", async () => {
  const root = await send('/');
  assert.deepEqual([root.status, root.headers['location']], [302, '/_page/']);
  for (const [file, type] of Object.entries({
    '': 'html',
    'main.js': 'javascript',
    'style.css': 'css',
    'icon.svg': 'svg',
  })) {
    const { status, headers } = await send(`/_page/${file}`);
    assert.equal(status, 200, file);
    assert.match(String(headers['content-type']), new RegExp(type));
    assert.equal(headers['x-content-type-options'], 'nosniff');
    const policy = String(headers['content-security-policy']).split('; ');
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ]) {
      assert.ok(policy.includes(rule), rule);
    }
    assert.doesNotMatch(policy.join(), /unsafe|https?:/);
  }
  const { says } = await send('/_page/');
  assert.doesNotMatch(says, /<script(?![^>]* src=)|\son\w+=|style=|https?:\/\/(?!127\.0\.0\.1:3000)/i);
  for (const path of ['/_page/../page.ts', '/_page/%2e%2e/page.ts', '/_page/nothing']) {
    assert.equal((await send(path)).status, 404, path);
  }
});
