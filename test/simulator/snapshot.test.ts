import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { ask, assertion, completed, get, postForm, prepare, startPartner, tokenForm } from './wire.js';

const dayMs = 86_400_000;
let one: RunningSimulator;
let other: RunningSimulator;
const folder = mkdtempSync(join(tmpdir(), 'snapshot-'));

before(async () => {
  [one, other] = await Promise.all([startSimulator(), startSimulator()]);
});

after(async () => {
  await Promise.all([one.stop(), other.stop()]);
  rmSync(folder, { recursive: true });
});

const shown = ['apps', 'accounts', 'installations', 'events', 'requests', 'decisions', 'secrets', 'switches', 'faults'];

/** Everything that the control API shows. */
async function stateOf({ url }: RunningSimulator): Promise<Record<string, unknown>> {
  const paths = [...shown, 'scenarios', 'clock'];
  const answers = await Promise.all(paths.map((path) => ask(`${url}/_control/${path}`)));
  return Object.fromEntries(paths.map((path, index) => [path, answers[index]?.body]));
}

const put = ({ url }: RunningSimulator, body: unknown) =>
  ask(`${url}/_control/snapshot`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

const post = ({ url }: RunningSimulator, path: string, body: unknown, type = 'application/json') =>
  ask(`${url}/_control/${path}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

test('a snapshot is the whole state, and what was due is due again in its order', async (t) => {
  const partner = await startPartner(500);
  t.after(() => partner.stop());
  await post(one, 'clock', { mode: 'frozen' });
  const { now } = await one.control.clock();
  const nowMs = Date.parse(now);
  const life = await completed(one, { plan: 'Trial', users: 2 }, nowMs);
  await one.control.rotate(life.id, { deliver: false });
  await one.control.update(life.id, { users: 3, deliver: false });
  const used = await assertion(life.prepared, { nowMs });
  assert.equal((await postForm(life.prepared, tokenForm(used))).status, 200);
  await one.control.registerApp('failing', { callback_url: partner.url });
  const retried = await one.control.createInstallation({ app_id: 'failing', account_name: 'retried' });
  await one.control.advance(0);
  const delayed = await one.control.createInstallation({ app_id: 'failing', deliver: false });
  await one.control.deliverBySchedule(delayed.event_id, new Date(nowMs + 3_600_000));
  await one.control.fault({ route: 'account', kind: 'status', status: 503, times: 3 });
  await post(
    one,
    'scenarios',
    'name: later\nsteps: [{ at: 2d, do: switches, with: { created_by: string } }]\n',
    'text/yaml',
  );
  await one.control.switches({ late_decision_status: 403 });
  const key = (await one.control.signed(retried.event_id)).headers['X-Hub-Ecdsa-Signature-Id'];

  const saved = await ask(`${one.url}/_control/snapshot`);
  const before = await stateOf(one);
  const loaded = await put(other, saved.body);
  assert.equal(loaded.status, 200);
  assert.match(
    loaded.body.notes[0],
    /^Region us was at http:\/\/127\.0\.0\.1:\d+ and is at http:\/\/127\.0\.0\.1:\d+ now/,
  );
  // A frozen clock stands where it stood; how far that is from the machine's changes by itself.
  const offset = { offset_ms: 0 };
  const withoutOffset = (state: Record<string, unknown>) => ({
    ...state,
    clock: { ...(state['clock'] as object), ...offset },
  });
  assert.deepEqual(withoutOffset(await stateOf(other)), withoutOffset(before));

  // Tokens and keys work on; an assertion that was used is used.
  for (const status of [503, 503, 503, 200]) {
    assert.equal((await get(`${other.url}/account`, life.accessToken)).status, status);
  }
  assert.equal((await ask(`${other.url}/events/signature-keys/${key}`)).body.key_id, key);
  const again = await ask(`${other.url}/${life.prepared.account_name}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams(tokenForm(used)),
  });
  assert.equal(again.status, 401);

  const happened = await Promise.all(
    [one, other].map(async (simulator) => {
      await simulator.control.setClock(new Date(nowMs + 40 * dayMs));
      const events = await simulator.control.events();
      const installations = await simulator.control.installations();
      return {
        // What a simulator makes by itself has an id that nobody can know before.
        events: events.map(({ type, created_at, attempts }) => ({
          type,
          created_at,
          tries: attempts.map(({ at, status }) => [at, status]),
        })),
        states: installations.map(({ state, updated_at, users_total, trial }) => ({
          state,
          updated_at,
          users_total,
          trial,
        })),
        clients: installations.flatMap(({ clients }) => clients.map(({ client_id, state }) => [client_id, state])),
        createdBy: (await simulator.control.switches())['created_by'],
      };
    }),
  );
  assert.deepEqual(happened[1], happened[0]);
  const tries = happened[1]?.events.find(({ tries }) => tries.length === 3)?.tries ?? [];
  assert.deepEqual(
    tries.map(([at]) => Date.parse(String(at)) - nowMs),
    [0, 300_000, 900_000],
  );
  assert.equal(happened[1]?.createdBy, 'string');
  assert.ok(happened[1]?.events.some(({ type }) => type === 'app.trial_ended'));
});

test('what is no snapshot, damaged or of another version is refused with a sentence, and changes nothing', async () => {
  await prepare(other);
  const good = (await ask(`${other.url}/_control/snapshot`)).body;
  const before = await stateOf(other);
  const state = JSON.stringify(good.state);
  const changed = { ...good, state: JSON.parse(state.replace('"installing"', '"completed"')) };
  const wrong: [unknown, RegExp][] = [
    [{ hello: 'world' }, /^This is no snapshot of a simulator; nothing was changed\.$/],
    [
      { ...good, version: 99 },
      /^The snapshot has version 99, and this simulator reads version 1 only; nothing was changed\.$/,
    ],
    [changed, /^The snapshot is damaged: it is not as it was saved; nothing was changed\.$/],
    [{ ...good, state: good.state.slice(0, -1) }, /^The snapshot is damaged/],
    [{ ...good, extra: 1 }, /^The snapshot is damaged/],
    [JSON.stringify(good).slice(0, 100), /^The body must be JSON\.$/],
  ];
  for (const [body, sentence] of wrong) {
    const answer = await put(other, body);
    assert.equal(answer.status, 400);
    assert.match(answer.body.error, sentence);
  }
  assert.deepEqual({ ...(await stateOf(other)), clock: null }, { ...before, clock: null });
});

test('a simulator with a snapshot file goes on where it stopped; only its owner can read the file', async () => {
  const file = join(folder, 'state.json');
  const env = { SIMULATOR_SNAPSHOT: file, SIMULATOR_REGIONS: 'us' };
  const first = await startSimulator({ env });
  const { event } = await prepare(first);
  await first.control.advance(3 * dayMs);
  assert.equal(await first.stop(), 0);
  assert.equal(statSync(file).mode & 0o777, 0o600);

  const second = await startSimulator({ env });
  try {
    const [installation] = await second.control.installations();
    assert.equal(installation?.installation_id, event.data.installation_id);
    const { offset_ms: offsetMs } = await second.control.clock();
    assert.ok(Math.abs(offsetMs - 3 * dayMs) < 1_000, `${offsetMs}`);
  } finally {
    await second.stop();
  }

  writeFileSync(file, readFileSync(file, 'utf8').slice(0, -10));
  await assert.rejects(
    startSimulator({ env }),
    /ended with 1 before it listened: .*is no snapshot: it is not a JSON object/,
  );
});
