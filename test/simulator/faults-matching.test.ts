import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { type FaultInput, type RunningSimulator, startSimulator } from '../support/simulator.js';
import { ask, assertion, completed, get, postForm, tokenForm } from './wire.js';

let simulator: RunningSimulator;
let one: Awaited<ReturnType<typeof completed>>;
let other: Awaited<ReturnType<typeof completed>>;

before(async () => {
  simulator = await startSimulator();
  one = await completed(simulator);
  other = await completed(simulator, { region: 'eu' });
});
afterEach(() => simulator.control.clearFaults());
after(() => simulator.stop());

/** The statuses of so many GETs of an installation, in order. */
async function statuses({ url, accessToken }: typeof one, count: number): Promise<number[]> {
  const seen: number[] = [];
  for (let number = 0; number < count; number += 1) seen.push((await get(url, accessToken)).status);
  return seen;
}

const failing = { route: 'installation', kind: 'status', status: 503 } as const;
const euUrl = () => ({ ...other, url: `${simulator.regions['eu']}${new URL(other.url).pathname}` });

test('one seed gives one row of draws, another seed another row', async () => {
  const row = async (seed: number) => {
    await simulator.control.clearFaults();
    await simulator.control.fault({ ...failing, probability: 0.5, seed });
    return (await statuses(one, 24)).map((status) => (status === 503 ? 'x' : '.')).join('');
  };
  const first = await row(7);
  assert.equal(await row(7), first);
  assert.notEqual(await row(8), first);
  assert.ok(first.includes('x') && first.includes('.'), first);
});

test('times, and how many pass before', async () => {
  await simulator.control.fault({ ...failing, skip: 2, times: 2 });
  assert.deepEqual(await statuses(one, 6), [200, 200, 503, 503, 200, 200]);
});

test('only one account, region or client', async () => {
  await simulator.control.fault({ ...failing, account_id: other.prepared.account_id, times: 9 });
  assert.deepEqual([await statuses(one, 1), await statuses(euUrl(), 1)], [[200], [503]]);
  await simulator.control.clearFaults();
  await simulator.control.fault({ ...failing, region: 'eu', times: 9 });
  assert.deepEqual([await statuses(one, 1), await statuses(euUrl(), 1)], [[200], [503]]);
  await simulator.control.clearFaults();
  await simulator.control.fault({ ...failing, route: 'any', client_id: one.prepared.client_id, times: 9 });
  assert.deepEqual([await statuses(one, 1), await statuses(euUrl(), 1)], [[503], [200]]);
  assert.equal((await postForm(one.prepared, tokenForm(await assertion(one.prepared)))).status, 503);
});

test('an outage that lasts so long on the simulator’s clock', async () => {
  const { id } = await simulator.control.fault({ route: 'any', kind: 'refusal', refusal: 'unavailable', lasts: '1h' });
  assert.deepEqual(await statuses(one, 3), [503, 503, 503]);
  const [set] = await simulator.control.faults();
  assert.deepEqual([set?.id, set?.left, set?.used], [id, null, 3]);
  await simulator.control.advance(3_600_000);
  assert.deepEqual(await simulator.control.faults(), []);
  // The token is of before the hour, which its answer says.
  assert.deepEqual(await statuses(one, 1), [401]);
});

test('faults are listed as they were set and removed one by one', async () => {
  const reset: FaultInput = { route: 'token', kind: 'reset', times: 3 };
  const first = await simulator.control.fault(reset);
  const second = await simulator.control.fault({ route: 'delivery', kind: 'crash', event_type: 'app.updated' });
  assert.deepEqual(await simulator.control.faults(), [
    { id: first.id, route: 'token', kind: 'reset', times: 3, left: 3, used: 0 },
    { id: second.id, route: 'delivery', kind: 'crash', event_type: 'app.updated', left: 1, used: 0 },
  ]);
  await simulator.control.removeFault(first.id);
  assert.deepEqual(
    (await simulator.control.faults()).map(({ id }) => id),
    [second.id],
  );
  await assert.rejects(
    simulator.control.removeFault(first.id),
    /404: There is no fault fault-\d+; one that is used up/,
  );
});

test('a fault that makes no sense is refused with what is allowed', async () => {
  const refused = async (fault: object) => {
    const { status, body } = await ask(`${simulator.url}/_control/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(fault),
    });
    assert.equal(status, 400);
    return body.error as string;
  };
  assert.match(await refused({ route: 'token', kind: 'explode' }), /kind: must be one of status, refusal, rate-limit/);
  assert.match(
    await refused({ route: 'delivery', kind: 'hold' }),
    /kind: must be one of signature, duplicate, reorder/,
  );
  assert.match(
    await refused({ route: 'nowhere', kind: 'hold' }),
    /route: must be one of "token"\|.*"any"; a fault of deliveries has the route "delivery"/,
  );
  assert.match(await refused({ kind: 'hold' }), /route: must be one of/);
  assert.match(
    await refused({ route: 'token', kind: 'hold', secs: 3 }),
    /unknown field "secs"; allowed: route, times, skip, probability, seed, lasts/,
  );
  assert.match(
    await refused({ route: 'token', kind: 'reset', lasts: '1 hour' }),
    /lasts: must be a time span such as 90s/,
  );
  assert.match(await refused({ route: 'token', kind: 'reset', probability: 2 }), /probability: must be at most 1/);
  assert.match(await refused({ route: 'users', kind: 'truncated', when: 'before' }), /unknown field "when"/);
  assert.match(
    await refused({ route: 'users', kind: 'forged-links', origin: 'x' }),
    /origin: must be an absolute http/,
  );
});

test('docs/simulator.md names every kind and no other', async () => {
  const page = readFileSync(new URL('../../docs/simulator.md', import.meta.url), 'utf8');
  for (const [title, route] of [
    ['Faults of routes', 'token'],
    ['Faults of deliveries', 'delivery'],
  ] as const) {
    const section = page.split(`### ${title}\n`)[1]?.split('\n### ')[0] ?? '';
    const named = [...section.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, kind]) => kind);
    const { body } = await ask(`${simulator.url}/_control/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ route, kind: 'none-such' }),
    });
    const allowed = /kind: must be one of ([a-z, -]+)/.exec(body.error)?.[1]?.split(', ');
    assert.deepEqual(named, allowed);
  }
});
