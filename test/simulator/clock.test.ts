import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { eventually } from '../support/eventually.js';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const APP = 'clock-app';
const START = '2026-01-05T10:00:00.000Z';

interface Told {
  now: string;
  offset_ms: number;
  mode: string;
}

let simulator: RunningSimulator;
/** A partner's backend that is told the time. */
let follower: Server;
let url: string;
let told: Told[];
let answer: (told: Told, response: ServerResponse) => unknown;

const control = () => simulator.control;
const times = () => told.map(({ now }) => Date.parse(now));

beforeEach(async () => {
  told = [];
  answer = (_told, response) => response.end();
  follower = createServer((request, response) => void take(request, response)).listen(0, '127.0.0.1');
  await once(follower, 'listening');
  url = `http://127.0.0.1:${(follower.address() as AddressInfo).port}/time`;
});
afterEach(async () => {
  await simulator?.stop();
  follower.closeAllConnections();
  follower.close();
});

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  assert.deepEqual(
    [request.method, request.url, request.headers['content-type']],
    ['PUT', '/time', 'application/json'],
  );
  const body = JSON.parse(Buffer.concat(chunks).toString()) as Told;
  told.push(body);
  answer(body, response);
}

async function start(env: Record<string, string> = {}): Promise<void> {
  simulator = await startSimulator({ env });
  await control().registerApp(APP, { callback_url: 'http://127.0.0.1:9/events' });
}

const followed = () => start({ SIMULATOR_CLOCK_FOLLOWERS: url });
const installed = async (createdAt: string) =>
  (await control().createInstallation({ app_id: APP, created_at: createdAt, deliver: false })).installation_id;
const view = (id: string) => control().installation(id);

async function refusal(body: object): Promise<string> {
  const response = await fetch(`${simulator.url}/_control/clock`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 400, JSON.stringify(body));
  return ((await response.json()) as { error: string }).error;
}

describe('the clock', () => {
  it('runs with the machine, stands still when frozen, and goes on from where it stood', async () => {
    await start();
    const running = await control().clock();
    assert.deepEqual([running.mode, running.offset_ms, running.followers], ['running', 0, []]);
    await control().setClock(START);
    const frozen = await control().clockMode('frozen');
    assert.deepEqual([frozen.mode, frozen.now.slice(0, 16)], ['frozen', '2026-01-05T10:00']);
    const offset = await eventually('the machine goes on', async () => {
      const { now, offset_ms } = await control().clock();
      assert.equal(now, frozen.now);
      return offset_ms < frozen.offset_ms - 20 && offset_ms;
    });
    assert.equal((await control().advance(1_000)).now, new Date(Date.parse(frozen.now) + 1_000).toISOString());
    const again = await control().clockMode('running');
    assert.equal(again.now.slice(0, 18), new Date(Date.parse(frozen.now) + 1_000).toISOString().slice(0, 18));
    assert.ok(again.offset_ms <= offset + 1_000);
    await eventually('time passes again', async () => (await control().clock()).now > again.now);
  });

  it('lets what is due on the way happen at its own time and in order, and nothing before', async () => {
    await start();
    await control().setClock(START);
    await control().clockMode('frozen');
    const later = await installed('2026-01-05T12:00:00Z');
    const first = await installed('2026-01-05T11:00:00Z');
    await control().advance(7 * DAY_MS);
    assert.equal((await view(first)).state, 'installing');
    await control().advance(DAY_MS);
    const ended = [await view(first), await view(later)];
    assert.deepEqual(
      ended.map(({ state, updated_at }) => [state, updated_at]),
      [
        ['timeout', '2026-01-12T11:00:00.000Z'],
        ['timeout', '2026-01-12T12:00:00.000Z'],
      ],
    );
  });

  it('does what is due at once although it stands still', async () => {
    await start();
    await control().clockMode('frozen');
    const made = await control().createInstallation({ app_id: APP });
    await eventually('the event is sent', async () => (await control().event(made.event_id)).attempts.length === 1);
  });

  it('says in a sentence what it does not take', async () => {
    await start();
    assert.match(await refusal({ advance_ms: -1 }), /advance_ms: must be 0 or more: the clock goes forwards/);
    assert.match(await refusal({ advance_ms: 1.5 }), /advance_ms: must be a whole number of milliseconds/);
    assert.match(await refusal({ advance_ms: 4_000 * DAY_MS }), /advance_ms: must be at most ten years/);
    assert.match(await refusal({ set: 'tomorrow' }), /set: must be an ISO 8601 time such as/);
    assert.match(await refusal({ set: '2096-01-01T00:00:00Z' }), /set: must be at most ten years after/);
    const range = 'set: must be from 2000-01-01T00:00:00Z to 2100-01-01T00:00:00Z, or now.';
    for (const set of ['1999-12-31T23:59:59Z', '0001-01-01T00:00:00Z', '2100-01-01T00:00:01Z']) {
      assert.equal(await refusal({ set }), range);
    }
    assert.match(await refusal({ mode: 'stopped' }), /mode: must be running or frozen/);
    assert.match(await refusal({}), /give one of advance_ms, set and mode/);
    assert.match(await refusal({ advance_ms: 1, mode: 'frozen' }), /give one of advance_ms, set and mode/);
  });
});

describe('the way back to the time of the machine', () => {
  const away = async () => Math.abs(Date.parse((await control().clock()).now) - Date.now());

  it('leads there from the future and from the past, and time passes from there', async () => {
    await start();
    await control().advance(3 * DAY_MS);
    assert.equal((await control().setClock('now')).offset_ms, 0);
    await control().setClock(START);
    assert.equal((await control().setClock('now')).offset_ms, 0);
    await control().advance(HOUR_MS);
    await control().clockMode('frozen');
    assert.equal((await control().setClock('now')).mode, 'frozen');
    assert.ok((await away()) < 5_000);
  });

  it('is closed backwards while somebody follows, and is told forwards', async () => {
    await followed();
    await eventually('told at the start', async () => told.length === 1);
    assert.equal((await control().setClock('now')).offset_ms, 0);
    assert.equal(told.at(-1)?.offset_ms, 0);
    await control().advance(HOUR_MS);
    assert.match(
      await refusal({ set: 'now' }),
      /^set: must be after .*: the clock has followers, and their time cannot go back\.$/,
    );
    assert.ok((await away()) > HOUR_MS / 2);
  });
});

describe('those who follow the clock', () => {
  it('are told at the start, and each step of a jump before what is due then happens', async () => {
    await followed();
    await eventually('told at the start', async () => told.length === 1);
    assert.deepEqual([told[0]?.mode, told[0]?.offset_ms], ['running', 0]);
    const nowMs = Date.parse((await control().clock()).now);
    const id = await installed(new Date(Math.floor(nowMs / 1000) * 1000).toISOString());
    const deadlineMs = Date.parse((await view(id)).deadline ?? '');
    const states: [string, string][] = [];
    answer = async ({ now }, response) => {
      states.push([now, (await view(id)).state]);
      response.end();
    };
    told = [];
    const moved = await control().advance(8 * DAY_MS);
    assert.deepEqual(moved.followers, [{ url, last_error: null }]);
    assert.deepEqual(times(), times().toSorted(), 'never backwards');
    assert.ok(times().includes(deadlineMs), 'a step for the close of the window');
    assert.deepEqual(
      states.filter(([now]) => Date.parse(now) === deadlineMs),
      [[new Date(deadlineMs).toISOString(), 'installing']],
    );
    assert.equal((await view(id)).state, 'timeout');
    const steps = times().map((ms, index) => ms - (times()[index - 1] ?? ms));
    assert.ok(Math.max(...steps) <= DAY_MS / 2, 'half a day at a time');
    assert.deepEqual([...new Set(told.slice(0, -1).map(({ mode }) => mode))], ['frozen']);
    assert.equal(told.at(-1)?.mode, 'running');
    assert.ok(Math.abs((told.at(-1)?.offset_ms ?? 0) - 8 * DAY_MS) < 5_000);
  });

  it('have the jump stop where something of theirs is due', async () => {
    await followed();
    const dueMs = Date.parse((await control().clock()).now) + 5 * HOUR_MS;
    answer = ({ now }, response) =>
      response.end(JSON.stringify(Date.parse(now) < dueMs ? { next_at: new Date(dueMs).toISOString() } : {}));
    await control().advance(DAY_MS);
    assert.equal(times().filter((ms) => ms === dueMs).length, 1);
  });

  it('may say always that something is due now: the jump goes on', async () => {
    await followed();
    answer = ({ now }, response) => response.end(JSON.stringify({ next_at: now }));
    const before = Date.parse((await control().clock()).now);
    assert.ok(Date.parse((await control().advance(DAY_MS)).now) >= before + DAY_MS);
  });

  it('keep nobody from jumping when they fail, are asked again at its end, and have their own words shown', async () => {
    await followed();
    await eventually('told at the start', async () => told.length === 1);
    told = [];
    answer = (_told, response) => response.writeHead(503).end(JSON.stringify({ error: 'The service is asleep.' }));
    const { followers } = await control().advance(30 * DAY_MS);
    assert.deepEqual(followers, [{ url, last_error: 'it answered 503: The service is asleep.' }]);
    assert.ok(told.length <= 3, `told ${told.length} times`);
    answer = (_told, response) => response.end();
    await eventually(
      'told again until it takes it',
      async () => (await control().clock()).followers[0]?.last_error === null,
    );
  });

  it('that came up after the clock are taken along from the first step on', async () => {
    answer = (_told, response) => response.writeHead(503).end();
    await followed();
    await eventually('failed at the start', async () => (await control().clock()).followers[0]?.last_error !== null);
    answer = (_told, response) => response.end();
    told = [];
    await control().advance(DAY_MS);
    assert.ok(told.filter(({ mode }) => mode === 'frozen').length >= 3, `told ${told.length} times`);
  });

  it('are named when nobody is there', async () => {
    follower.close();
    await followed();
    const { followers } = await control().advance(DAY_MS);
    assert.match(followers[0]?.last_error ?? '', /^it cannot be reached \(ECONNREFUSED\)$/);
  });

  it('cannot go back', async () => {
    await followed();
    assert.match(
      await refusal({ set: START }),
      /^set: must be after .*: the clock has followers, and their time cannot go back\.$/,
    );
  });

  it('are URLs', async () => {
    await assert.rejects(
      start({ SIMULATOR_CLOCK_FOLLOWERS: 'here' }),
      /SIMULATOR_CLOCK_FOLLOWERS: must be absolute http/,
    );
  });
});
