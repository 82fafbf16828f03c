import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '../support/eventually.js';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { appId, ask, get, prepare, startPartner, token } from './wire.js';

const runLink = 'https://ui.example/runs?id={app_id}/{account_id}&of={installation_id}&event={event_id}';

let simulator: RunningSimulator;

before(async () => {
  simulator = await startSimulator({ env: { SIMULATOR_RUN_LINK: runLink } });
  // Time stands still, so that nothing but what a test does can change the answer.
  await ask(`${simulator.url}/_control/clock`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"mode":"frozen"}',
  });
});
after(() => simulator.stop());

const overview = (query = '') => ask(`${simulator.url}/_control/overview${query}`);
// biome-ignore lint/suspicious/noExplicitAny: bodies are compared with literals, which checks them better than a type.
const names = ({ body }: any) => body.installations.items.map((item: { account_name: string }) => item.account_name);

test('it lists by search, state and time left, page by page', async () => {
  const now = Date.parse((await simulator.control.clock()).now);
  const at = (days: number) => new Date(now - days * 86_400_000).toISOString();
  await prepare(simulator, { account_name: 'acme', created_at: at(3) });
  await prepare(simulator, { account_name: 'globex', created_at: at(5), region: 'eu' } as object);
  await prepare(simulator, { account_name: 'initech', created_at: at(1), users: 7 });
  assert.deepEqual(names(await overview()), ['initech', 'globex', 'acme']);
  assert.deepEqual(names(await overview('?show=waiting')), ['globex', 'acme', 'initech']);
  assert.deepEqual(names(await overview('?show=completed')), []);
  assert.deepEqual(names(await overview('?search=GLOB')), ['globex']);
  assert.deepEqual(names(await overview('?search=eu')), ['globex']);
  const { body } = await overview('?limit=1&offset=1');
  assert.deepEqual([names({ body }), body.installations.matching], [['globex'], 3]);
  assert.deepEqual(body.totals, { accounts: 3, installations: 3, waiting: 3, faults: 0 });
  const [globex] = body.installations.items;
  assert.deepEqual(
    [globex.region, globex.state, globex.users_total, globex.waiting[0].kind],
    ['eu', 'installing', 3, 'install'],
  );
  assert.equal(Date.parse(globex.waiting[0].deadline) - Math.floor(now / 1000) * 1000, 2 * 86_400_000);
});

test('a link to the run has every id, percent-encoded', async () => {
  const prepared = await prepare(simulator, { installation_id: 'a/b?c', event_id: '{app_id}&d' });
  const { body } = await overview(`?selected=${encodeURIComponent('a/b?c')}`);
  const expected = `https://ui.example/runs?id=${appId}/${prepared.account_id}&of=a%2Fb%3Fc&event=%7Bapp_id%7D%26d`;
  assert.equal(body.selected.run_link, expected);
  assert.deepEqual(body.selected.settings.wanted, null);
  assert.equal((await overview('?selected=nobody')).body.selected, null);
});

test('the log has deliveries and requests, the newest first, with what was wrong, and no secret', async () => {
  const prepared = await prepare(simulator, { account_name: 'logged' });
  const accessToken = await token(prepared);
  await get(`${simulator.url}/account?access_token=${accessToken}`, accessToken);
  await simulator.control.fault({ route: 'account', kind: 'status', status: 503 });
  await get(`${simulator.url}/account`, accessToken);
  await get(`${simulator.url}/account`, 'no-token');
  await simulator.control.deliver(prepared.event_id);
  const { body } = await overview(`?installation_id=${prepared.installation_id}`);
  const lines = body.log.map(({ direction, what, status, judgement }: Record<string, unknown>) => [
    direction,
    what,
    status,
    judgement,
  ]);
  assert.deepEqual(lines, [
    ['delivery', 'app.installed', null, 'wrong'],
    ['request', 'account', 503, 'fault'],
    ['request', 'account', 200, 'wrong'],
    ['request', 'token', 200, 'good'],
  ]);
  const [delivery, , withSecret] = body.log;
  assert.match(delivery.verdict, /^delivered on request: no connection or no whole answer: /);
  assert.match(withSecret.verdict, /; a secret stood in the URL$/);
  assert.equal(withSecret.detail, 'GET /account?access_token=%5Bredacted%5D');
  const text = JSON.stringify((await overview('?log=500')).body);
  assert.match(text, /"what":"account","detail":"GET \/account","status":401,/);
  for (const secret of await simulator.control.secrets()) assert.ok(!text.includes(secret));
  assert.equal((await overview('?log=2')).body.log.length, 2);
  assert.deepEqual((await overview('?log=0')).body.log, []);
});

test('the log is in the order of arrival, also while time stands still; copies and dropped events are called so', async () => {
  const partner = await startPartner(204);
  try {
    const prepared = await prepare(simulator, { account_name: 'in-order' });
    const id = prepared.installation_id;
    const accessToken = await token(prepared);
    await simulator.control.registerApp(appId, { callback_url: partner.url });
    await simulator.control.fault({ route: 'delivery', kind: 'duplicate', installation_id: id, copies: 2 });
    await simulator.control.deliverBySchedule(prepared.event_id);
    await eventually(
      'the copies have arrived',
      async () =>
        (await simulator.control.event(prepared.event_id)).attempts.length === 3 && partner.received.length === 3,
    );
    await get(`${simulator.url}/account`, accessToken);
    await simulator.control.fault({ route: 'delivery', kind: 'drop', installation_id: id });
    const { event_id: lost } = await simulator.control.logout(id);
    await eventually('the event was dropped', async () => (await simulator.control.event(lost)).fault !== null);
    await simulator.control.deliver(lost);
    await simulator.control.deliver(prepared.event_id);
    await get(`${simulator.url}/users`, accessToken);
    const log = async (limit: number) =>
      (await overview(`?installation_id=${id}&log=${limit}`)).body.log.map(
        ({ what, verdict, judgement }: Record<string, string>) => `${what} ${judgement} ${verdict}`,
      );
    const expected = [
      /^account-users good answered: /,
      /^app\.installed good delivered on request: delivered$/,
      /^user\.logout good delivered on request: delivered$/,
      /^user\.logout fault not sent: fault: drop/,
      /^account good answered: /,
      /^app\.installed good a copy, by the fault duplicate: delivered$/,
      /^app\.installed good a copy, by the fault duplicate: delivered$/,
      /^app\.installed good attempt 1 of 3: delivered$/,
      /^token good token issued: /,
    ];
    for (const limit of [9, 4]) {
      const lines = await log(limit);
      assert.equal(lines.length, limit);
      for (const [place, line] of lines.entries()) assert.match(line, expected[place] ?? /^$/);
    }
  } finally {
    await partner.stop();
  }
});

test('whoever has the answer already is told so in a few bytes, until something changes', async () => {
  const unchanged = async (tag: string) => {
    const answer = await fetch(`${simulator.url}/_control/overview`, { headers: { 'if-none-match': tag } });
    return { status: answer.status, text: await answer.text(), tag: answer.headers.get('etag') ?? '' };
  };
  const first = await unchanged('');
  assert.equal(first.status, 200);
  assert.deepEqual(await unchanged(first.tag), { status: 304, text: '', tag: first.tag });
  await simulator.control.advance(1);
  const moved = await unchanged(first.tag);
  assert.equal(moved.status, 200);
  await simulator.control.switches({ created_by: 'string' });
  const switched = await unchanged(moved.tag);
  assert.equal(switched.status, 200);
  await ask(`${simulator.url}/_control/clock`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"mode":"running"}',
  });
  const running = await unchanged(switched.tag);
  assert.equal(running.status, 200);
  // A millisecond that passes by itself is no change.
  const began = Date.now();
  while (Date.now() === began) await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await unchanged(running.tag)).status, 304);
});

test('a question that makes no sense is answered with what is allowed', async () => {
  for (const [query, says] of [
    ['?limit=0', /^limit: .*1/],
    ['?limit=many', /^limit: must be a whole number from 1 to 200/],
    ['?offset=-1', /^offset: /],
    ['?log=501', /^log: .*500/],
    ['?show=everything', /^show: must be one of all, waiting, installing, /],
    ['?colour=red', /colour.*Allowed fields: search, show, limit, offset, selected, installation_id, log\.$/],
  ] as const) {
    const answer = await overview(query);
    assert.equal(answer.status, 400, query);
    assert.match(answer.body.error, says);
  }
});

test('a run link with a placeholder that nobody knows is refused at the start', async () => {
  await assert.rejects(
    startSimulator({ env: { SIMULATOR_RUN_LINK: 'http://x.example/{run_id}' } }),
    /SIMULATOR_RUN_LINK: may hold \{app_id\}, \{account_id\}, \{installation_id\}, \{event_id\} and no other placeholder/,
  );
});
