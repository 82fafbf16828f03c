import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createClockRoute } from '../../api/clock-route.js';
import { createDevelopmentClock, type DevelopmentClock } from '../../api/development-clock.js';
import { createHealth } from '../../api/health.js';
import { type Listener, listen } from '../../api/listen.js';
import { createMetrics } from '../../api/metrics.js';
import { createTemporalClient } from '../../api/temporal.js';
import { createRunTime } from '../../api/temporal-time.js';
import { createTimeSkipping } from '../support/temporal.js';
import { captureLog } from './support/log.js';

const DAY_MS = 86_400_000;
const closing: Listener[] = [];

let clock: DevelopmentClock;
/** What the service was asked for: the time of the clock at each call. */
let asked: [what: string, atMs: number][];
let follow: () => Promise<Date | null>;
let url: string;

const listener = async (clockRoute?: ReturnType<typeof createClockRoute>) => {
  const inbox = { probe: async () => undefined };
  const app = createHealth({
    inbox,
    metrics: createMetrics(),
    isStopping: () => false,
    clockRoute,
    log: captureLog().log,
  });
  const started = await listen(app, { host: '127.0.0.1', port: 0, settings: 'OPS_HOST and OPS_PORT' });
  closing.push(started);
  return `${started.url}/dev/clock`;
};

before(async () => {
  const note = (what: string) => asked.push([what, clock.now().getTime()]);
  const runTime = {
    follow: async () => {
      note('follow');
      return await follow();
    },
  };
  const dispatcher = { drain: async () => void note('drain') };
  const current: DevelopmentClock = {
    now: () => clock.now(),
    aheadMs: () => clock.aheadMs(),
    set: (time) => clock.set(time),
    headingForMs: null,
  };
  url = await listener(createClockRoute({ clock: current, runTime, dispatcher, host: 'ops.example' }));
});
beforeEach(() => {
  clock = createDevelopmentClock();
  asked = [];
  follow = async () => null;
});
after(async () => {
  for (const one of closing) await one.stop(0);
});

async function tell(body: unknown, to = url): Promise<{ status: number; body: Record<string, string | null> }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(to, { method: 'PUT', headers, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Record<string, string | null> };
}

/** Tells an hour ahead with exactly these headers, which fetch would not send. */
async function tellAs(headers: Record<string, string>): Promise<{ status: number | undefined; error?: string }> {
  return await new Promise((resolve, reject) => {
    const call = request(url, { method: 'PUT', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, error: JSON.parse(text).error }));
    });
    call.on('error', reject).end(JSON.stringify(time(3_600_000)));
  });
}

/** A time so many ms from the machine's. */
function time(offsetMs: number, mode?: string) {
  return { now: new Date(Date.now() + offsetMs).toISOString(), offset_ms: offsetMs, ...(mode && { mode }) };
}

describe('the time that the service is told', () => {
  it('is taken after what was under way, with the runs, and the next timer of a run is said', async () => {
    const next = new Date(Date.now() + 8 * DAY_MS);
    follow = async () => next;
    const { now, ...rest } = time(7 * DAY_MS, 'frozen');
    assert.deepEqual(await tell({ now, ...rest }), { status: 200, body: { now, next_at: next.toISOString() } });
    assert.equal(clock.now().toISOString(), now);
    assert.deepEqual(
      asked.map(([what, atMs]) => [what, atMs < Date.now() + DAY_MS ? 'before' : 'after']),
      [
        ['drain', 'before'],
        ['follow', 'before'],
        ['follow', 'after'],
      ],
    );
    await tell(time(7 * DAY_MS));
    assert.ok(Math.abs(clock.aheadMs() - 7 * DAY_MS) < 1_000, 'and runs on from there');
  });

  it("costs nothing while it is the machine's", async () => {
    assert.equal((await tell(time(0))).status, 200);
    assert.deepEqual(asked, []);
  });

  it('is kept where the runs do not follow, and that is said', async () => {
    follow = async () => {
      throw new Error('this server does not skip time');
    };
    const answer = await tell(time(7 * DAY_MS));
    assert.deepEqual(answer, { status: 503, body: { error: 'this server does not skip time' } });
    assert.ok(clock.aheadMs() > 6 * DAY_MS);
  });

  it('says that open runs cannot go back', async () => {
    await tell(time(7 * DAY_MS));
    const answer = await tell(time(0));
    assert.equal(answer.status, 503);
    assert.match(String(answer.body['error']), /the clock went back/);
    assert.ok(clock.aheadMs() < DAY_MS);
    assert.equal((await tell(time(0))).status, 200);
  });

  it('is refused in a sentence where it is none', async () => {
    const sentences = {
      'now: must be an ISO 8601 time. Allowed: now, offset_ms and mode.': { ...time(0), now: 'soon' },
      'offset_ms: must be a number of milliseconds. Allowed: now, offset_ms and mode.': { now: time(0).now },
      'mode: must be running or frozen. Allowed: now, offset_ms and mode.': time(0, 'stopped'),
    };
    for (const [sentence, body] of Object.entries(sentences)) {
      assert.deepEqual(await tell(body), { status: 400, body: { error: sentence } });
    }
    assert.deepEqual(asked, []);
  });

  it('is not taken from a page in a browser, by whatever name it comes', async () => {
    const json = { 'content-type': 'application/json' };
    const allowed = "it must be localhost, an address of this machine's loopback, or OPS_HOST, not";
    const noOrigin = 'no page in a browser may tell the time, so not one of';
    const refused: [Record<string, string>, number, string][] = [
      [{ ...json, host: 'rebound.example:3001' }, 403, `Host: ${allowed} "rebound.example:3001".`],
      [{ ...json, host: 'localhost.rebound.example' }, 403, `Host: ${allowed} "localhost.rebound.example".`],
      [{ ...json, origin: 'https://elsewhere.example' }, 403, `Origin: ${noOrigin} "https://elsewhere.example".`],
      [{ ...json, origin: new URL(url).origin }, 403, `Origin: ${noOrigin} "${new URL(url).origin}".`],
      [{ 'content-type': 'text/plain' }, 415, 'Content-Type: it must be application/json, not "text/plain".'],
      [{}, 415, 'Content-Type: it must be application/json, not left out.'],
    ];
    for (const [headers, status, error] of refused) assert.deepEqual(await tellAs(headers), { status, error });
    assert.deepEqual(asked, []);
    assert.ok(Math.abs(clock.aheadMs()) < 60_000);
    for (const host of ['localhost:3001', '[::1]', '127.0.0.1', 'OPS.example:3001']) {
      assert.equal((await tellAs({ ...json, host })).status, 200, host);
    }
  });

  it('has no address without DEVELOPMENT_CLOCK', async () => {
    const headers = { 'content-type': 'application/json' };
    const bare = await fetch(await listener(), { method: 'PUT', headers, body: JSON.stringify(time(0)) });
    assert.equal(bare.status, 404);
  });
});

describe('a Temporal server that does not skip the time of a run', () => {
  it('is named, with what would', async () => {
    const env = await createTimeSkipping();
    const { client, close } = createTemporalClient({
      connectionOptions: { address: env.address },
      namespace: 'default',
    });
    try {
      const now = () => new Date(Date.now() + DAY_MS);
      const runTime = createRunTime({ client, namespace: 'default', taskQueue: 'any', now, aheadMs: () => DAY_MS });
      await assert.rejects(runTime.follow(5_000), {
        kind: 'refused',
        message: /does not skip time.*--dynamic-config-value frontend\.WorkflowTimeSkippingEnabled=true/,
      });
    } finally {
      await close();
      await env.teardown();
    }
  });
});
