import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type RunningSimulator, startSimulator } from '../../support/simulator.js';
import { startPartner } from '../wire.js';

const main = fileURLToPath(new URL('../../../simulator/main.ts', import.meta.url));
let simulator: RunningSimulator;
let partner: Awaited<ReturnType<typeof startPartner>>;

before(async () => {
  [simulator, partner] = await Promise.all([startSimulator(), startPartner(200)]);
});

after(async () => {
  await simulator.stop();
  await partner.stop();
});

interface Ran {
  code: number | null;
  out: string;
  err: string;
}

/** Runs one command line against the simulator. */
async function run(...words: string[]): Promise<Ran> {
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', main, ...words], {
    env: { ...process.env, SIMULATOR_URL: simulator.url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ran: Ran = { code: null, out: '', err: '' };
  child.stdout?.on('data', (chunk: Buffer) => {
    ran.out += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    ran.err += chunk.toString();
  });
  [ran.code] = (await once(child, 'close')) as [number];
  return ran;
}

test('a life by commands: install, look, move the clock, uninstall, read the log', async () => {
  const none = await run('trigger', 'app.installed');
  assert.equal(none.code, 1);
  assert.match(
    none.err,
    /^The simulator knows no app yet: trigger app\.installed --app ID --callback URL registers one/,
  );

  const options = ['--app', 'demo', '--callback', partner.url, '--region', 'eu', '--users', '25', '--trial'];
  const installed = await run('trigger', 'app.installed', ...options, '--account', 'acme');
  assert.equal(installed.code, 0, installed.err);
  assert.match(
    installed.out,
    /^app\.installed [0-9a-f]{32}: installation [0-9a-f]{32} of app demo, account acme \(eu\)\n$/,
  );

  const moved = await run('clock', '+2d', '--json');
  assert.ok(Math.abs(JSON.parse(moved.out).offset_ms - 2 * 86_400_000) < 1_000, moved.out);

  const state = await run('state');
  const [heading = '', row = ''] = state.out.split('\n');
  assert.match(heading, /^installation +account +app +region +state +waits for +time left +plan +users$/);
  assert.match(row, /^[0-9a-f]{8} +acme +demo +eu +installing +install +(5d|4d 23h) +Trial, 25 +25$/);

  const uninstalled = await run('trigger', 'app.uninstalled', '--reason', 'Too expensive');
  assert.equal(uninstalled.code, 0, uninstalled.err);
  const unknown = await run('trigger', 'app.something_new', '--installation', 'latest', '--data', '{"note":"hello"}');
  assert.equal(unknown.code, 0, unknown.err);
  await simulator.control.advance(0);
  const sent = partner.received.map(({ body }) => JSON.parse(body.toString()));
  assert.deepEqual(
    sent.map(({ type }) => type),
    ['app.installed', 'app.uninstalled', 'app.something_new'],
  );
  assert.deepEqual(sent[1].data.reason, { type: 'other', message: 'Too expensive' });
  assert.equal(sent[2].data.note, 'hello');

  const log = await run('log', '--last', '1');
  assert.match(
    log.out,
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d -> ok +200 +\d+ ms +acme +app\.something_new +[0-9a-f]{8}: .*\n$/,
  );
});

test('faults are set, listed and removed, with an option for each field that the control API knows', async () => {
  const added = await run(
    'fault',
    'add',
    'status',
    '--route',
    'state',
    '--status',
    '503',
    '--headers',
    'Retry-After=5',
  );
  assert.equal(added.out, 'Added fault-1.\n', added.err);
  const listed = JSON.parse((await run('fault', 'list', '--json')).out);
  assert.deepEqual(listed, {
    faults: [
      { id: 'fault-1', route: 'state', kind: 'status', status: 503, headers: { 'Retry-After': '5' }, left: 1, used: 0 },
    ],
  });
  assert.equal((await run('fault', 'remove', 'fault-1')).code, 0);
  const gone = await run('fault', 'remove', 'fault-1');
  assert.deepEqual([gone.code, gone.out], [1, '']);
  assert.match(gone.err, /^There is no fault fault-1/);
});

test('verdicts end with 1 where a rule is broken', async () => {
  const kept = await run('verdicts');
  assert.equal(kept.code, 0, kept.out);
  await fetch(`${simulator.url}/account?access_token=secret`);
  const broken = await run('verdicts');
  assert.equal(broken.code, 1);
  assert.match(broken.out, /^broken +\d+ +no-secret-in-url /m);
});

test('words that make no sense get a sentence that says what is allowed, and exit code 2', async () => {
  const wrong: [string[], RegExp][] = [
    [['instal'], /^There is no command "instal": there are serve, trigger, clock, .*\. See --help\.\n$/],
    [['trigger'], /^Say the event first: app\.installed, .*user\.logout, or any other type\. See trigger --help\.\n$/],
    [['trigger', 'app.uninstalled', '--users', '3'], /^There is no option --users here; allowed are .*--reason/],
    [['trigger', 'app.installed', '--users', 'many'], /^--users must be a whole number from 0 to 100000, not "many"\./],
    [
      ['clock', '-1d'],
      /^The clock goes forwards by a length, and backwards only to a time: give a length of time such/,
    ],
    [['clock', 'soon'], /^"soon" is no move of the clock: give a length of time such as \+7d or 2h30m, a time/],
    [['fault', 'add', 'nope'], /^KIND must be one of status, /],
    [['state', '--simulator', 'nowhere'], /^--simulator must be an http or https URL such as/],
    [['serve', '--port', '70000'], /^--port: /],
    [
      ['--simulator', 'http://127.0.0.1:3002', 'state'],
      /^Say the command before its options, such as: state --simulator\./,
    ],
    [['state', 'a', 'b'], /^"b" is one word too many: this command takes only \[INSTALLATION\]\./],
  ];
  for (const [words, sentence] of wrong) {
    const { code, out, err } = await run(...words);
    assert.deepEqual([code, out], [2, ''], words.join(' '));
    assert.match(err, sentence);
  }
});

test('what the simulator refuses is said of the option that was typed', async () => {
  const app = ['--app', 'cli', '--callback', 'http://127.0.0.1:9/hooks'];
  const wrong: [string[], string][] = [
    [['app.installed', ...app, '--region', 'xx'], '--region: must be one of us, eu, ca, au, uk.'],
    [
      ['app.installed', ...app, '--account', 'Ü', '--key-algorithm', 'ES1'],
      '--account: must be a subdomain: lower case letters, digits, "-"; ' +
        '--key-algorithm: must be one of ES256, ES384, ES512, PS256, PS384, PS512.',
    ],
  ];
  for (const [words, sentence] of wrong)
    assert.deepEqual(await run('trigger', ...words), { code: 2, out: '', err: `${sentence} See trigger --help.\n` });
});

test('a file that cannot be there is told before anything is lost', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cli-'));
  await rm(folder, { recursive: true });
  const file = join(folder, 'state.json');
  const refused = { code: 1, out: '' };
  assert.deepEqual(await run('snapshot', 'save', file), {
    ...refused,
    err: `The snapshot cannot be written to ${file}: there is no folder ${folder}.\n`,
  });
  assert.deepEqual(await run('serve', '--port', '0', '--snapshot', file), {
    ...refused,
    err: `--snapshot: there is no folder ${folder}; choose a file in a folder that you can write to\n`,
  });
  assert.deepEqual(await run('scenario', 'load', file), { ...refused, err: `There is no file ${file}.\n` });
});

test('without a simulator it says how to start one', async () => {
  const { code, err } = await run('state', '--simulator', 'http://127.0.0.1:1');
  assert.equal(code, 1);
  assert.match(err, /^No simulator answers at http:\/\/127\.0\.0\.1:1.*Start one with `npm run simulator -- serve`/);
});

test('every command has its help, with examples', async () => {
  const all = await run('--help');
  const names = [...all.out.matchAll(/^ {2}(\w+) {2,}/gm)].map(([, name = '']) => name);
  assert.deepEqual(names.slice(0, 4), ['serve', 'trigger', 'clock', 'fault']);
  for (const name of names) {
    const { code, out } = await run(name, '--help');
    assert.equal(code, 0, name);
    assert.match(out, /^Usage: npm run simulator -- /, name);
    assert.ok(
      out.split('\n').some((line) => line.startsWith('  npm run simulator -- ')),
      name,
    );
  }
});

test('a scenario says how many steps are to come, and its list what became of each', async () => {
  const file = `${await mkdtemp(join(tmpdir(), 'scenario-'))}/steps.yaml`;
  const steps = [
    '{ at: 0s, do: switches, with: { created_by: string } }',
    '{ at: 0s, do: app.updated, installation_id: nobody }',
  ];
  await writeFile(file, `name: steps\nsteps:\n  - ${steps.join('\n  - ')}\n  - { at: 900d, do: clear-faults }\n`);
  const loaded = await run('scenario', 'load', file);
  assert.match(
    loaded.out,
    /^Loaded scenario-1: steps, seed 1\. 3 steps are to come, the last at 20[\d-]+ [\d:]+ UTC: "scenario list" shows what became of each\.\n$/,
  );
  await simulator.control.advance(0);
  const list = await run('scenario', 'list');
  const lines = list.out.trim().split('\n');
  assert.match(lines.at(-3) ?? '', /^scenario-1 +20[\d-]+ [\d:]+ +switches +done$/);
  assert.match(
    lines.at(-2) ?? '',
    /^scenario-1 +20[\d-]+ [\d:]+ +app\.updated +FAILED: There is no installation of this id\.$/,
  );
  assert.match(lines.at(-1) ?? '', /^scenario-1 +20[\d-]+ [\d:]+ +clear-faults +to come$/);
  assert.match((await run('scenario', '--help')).out, /switches, and steps/);
  await rm(dirname(file), { recursive: true });
  await simulator.control.removeScenario('scenario-1');
});

test('a negative number is told the range, and the clock finds back to the time of the machine', async () => {
  const negative = await run('trigger', 'app.updated', '--installation', 'latest', '--users', '-3');
  assert.deepEqual([negative.code, negative.out], [2, '']);
  assert.match(negative.err, /^--users must be a whole number from 0 to 100000, not "-3"\. See trigger --help\.\n$/);
  assert.match((await run('clock', 'now')).out, /UTC, running, the machine's time\n$/);
});
