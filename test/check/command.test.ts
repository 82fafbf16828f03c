import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/eventually.js';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { runCheck, startCheck, startIdleBackend } from './support/check.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

let simulator: RunningSimulator;
let backend: ChildProcess;
let webhook: string;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'check-command-'));
  simulator = await startSimulator();
  const origins = Object.values(simulator.regions).flatMap((url) => ['--origin', url]);
  const words = ['examples/wrong-backends/main.ts', '--port', '0', '--file', join(folder, 'events.jsonl'), ...origins];
  backend = spawn(process.execPath, ['--import', 'tsx', ...words], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: backend.stdout as NodeJS.ReadableStream });
  const [line] = (await once(lines, 'line')) as [string];
  webhook = `${/http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0]}/webhook`;
});
after(async () => {
  backend?.kill('SIGKILL');
  await simulator?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('`check`', () => {
  it('ends with 0 when what was chosen passed, with all that it builds on', async () => {
    const words = [
      '--simulator',
      simulator.url,
      '--app-id',
      'app-1',
      '--register',
      '--webhook',
      webhook,
      '--only',
      'update-approved',
    ];
    const { code, stdout, stderr } = await runCheck([...words, '--format', 'json']);
    assert.deepEqual(
      stderr.split('\n').map((line) => line.replace(/\(.*\)/, '(time)')),
      [
        '1/3  passed   install-approved  (time)',
        '2/3  passed   own-token-per-installation  (time)',
        '3/3  passed   update-approved  (time)',
        '',
      ],
    );
    assert.equal(code, 0);
    const secrets = await simulator.control.secrets();
    assert.ok(secrets.length > 10, 'keys, client secrets, assertions and tokens');
    assert.deepEqual(
      secrets.filter((secret) => stdout.includes(secret)),
      [],
      'a report can be handed on',
    );
  });

  it('interrupted, puts back faults, switches and the callback URL', async () => {
    const { control } = simulator;
    await control.registerApp('app-2', {
      callback_url: 'http://127.0.0.1:1/before',
      scopes: ['apps:read', 'apps:write', 'account:read', 'users:read'],
    });
    const switches = await control.switches();
    const words = ['--simulator', simulator.url, '--app-id', 'app-2', '--webhook', webhook, '--only', 'window'];
    const { child, ended } = startCheck([...words, '--short-window', '60']);
    const faults = async () =>
      (await fetch(`${simulator.url}/_control/faults`)).json() as Promise<{ faults: unknown[] }>;
    await eventually('an outage is set', async () => (await faults()).faults.length > 0);
    child.kill('SIGINT');
    const killedMs = performance.now();
    const { code, stderr } = await ended;
    // The outage would have gone on for half a minute.
    assert.ok(performance.now() - killedMs < 15_000, 'it does not finish the scenario');
    assert.equal(code, 2);
    assert.match(stderr, /\nInterrupted; faults and switches are as they were\.\n$/);
    assert.deepEqual(await faults(), { faults: [] });
    assert.deepEqual(await control.switches(), switches);
    const { apps } = (await (await fetch(`${simulator.url}/_control/apps`)).json()) as {
      apps: Array<{ app_id: string; callback_url: string }>;
    };
    assert.equal(apps.find(({ app_id }) => app_id === 'app-2')?.callback_url, 'http://127.0.0.1:1/before');
  });

  it('ends with 2 when the backend cannot be restarted, and says so at the scenario', async () => {
    const words = ['--simulator', simulator.url, '--app-id', 'app-1', '--webhook', webhook, '--restart', 'exit 3'];
    const { code, stderr } = await runCheck([...words, '--register', '--only', 'durable-acknowledgement']);
    assert.match(stderr, /\n3\/3 {2}not-run {2}durable-acknowledgement {2}\(--restart: the command ended with 3\. /);
    assert.equal(code, 2);
  });

  it('claims of a requirement only what was shown', async () => {
    const words = ['--simulator', simulator.url, '--app-id', 'app-1', '--register', '--webhook', webhook];
    const { code, stdout } = await runCheck([...words, '--only', 'trial-events', '--skip', 'signature-refused']);
    assert.equal(code, 0, stdout);
    assert.deepEqual(
      stdout.split('\n').filter((line) => /30-day trial|trial events|sign-out|user\.logout/.test(line)),
      [
        '  partly         Self-service 30-day trial (docs/app-requirements)',
        '                 acknowledges the trial events; the rest no request over HTTP shows',
        '  partly         SSO and single sign-out (docs/app-requirements, reference/userlogout)',
        '                 acknowledges user.logout; the login, and that the session ends, no request over HTTP shows',
      ],
    );
  });

  const elsewhere = 'http://127.0.0.1:1/events';
  const refusals: Array<{ what: string; words: string[]; says: RegExp }> = [
    {
      what: 'no webhook',
      words: [],
      says: /^--webhook is missing: it is the URL at which the backend takes events\. See check --help\.\n$/,
    },
    {
      what: 'a webhook that is no URL',
      words: ['--webhook', 'localhost'],
      says: /^--webhook must be an http or https URL such as http:\/\/127\.0\.0\.1:3000\/webhooks, not "localhost"\. /,
    },
    {
      what: 'a scenario that does not exist',
      words: ['--webhook', elsewhere, '--only', 'install'],
      says: /^--only: there is no scenario "install"; there are install-approved, own-token-per-installation, /,
    },
    {
      what: 'a format that does not exist',
      words: ['--webhook', elsewhere, '--format', 'html'],
      says: /^--format must be one of text, json, junit, not "html"\. /,
    },
    {
      what: 'a port for a simulator that runs already',
      words: ['--webhook', elsewhere, '--simulator', 'http://127.0.0.1:1', '--port', '5'],
      says: /^--host and --port are for a simulator of its own; leave them out with --simulator\. /,
    },
    {
      what: 'a negative number',
      words: ['--webhook', elsewhere, '--patience', '-1'],
      says: /^--patience must be a whole number from 1 to 600, not "-1"\. See check --help\.\n$/,
    },
    {
      what: 'to reset a simulator that it starts itself',
      words: ['--webhook', elsewhere, '--reset'],
      says: /^--reset is for a simulator that runs already; name it with --simulator\. /,
    },
    {
      what: 'a report in a folder that does not exist, before anything is asked',
      words: ['--webhook', elsewhere, '--simulator', 'http://127.0.0.1:9', '--output', '/nowhere/at/all.json'],
      says: /^--output: \/nowhere\/at\/all\.json cannot be written, its folder does not exist\. Name a file that can\.\n$/,
    },
    {
      what: 'a report that is a folder',
      words: ['--webhook', elsewhere, '--simulator', 'http://127.0.0.1:9', '--output', '/'],
      says: /^--output: \/ cannot be written, it is a folder\. /,
    },
    {
      what: 'a backend that does not run',
      words: ['--webhook', 'http://127.0.0.1:9/events', '--port', '0'],
      says: /^Nothing answers at http:\/\/127\.0\.0\.1:9\/events \(.+\)\. Start the backend there, /,
    },
    {
      what: 'a simulator that does not run',
      words: ['--webhook', elsewhere, '--simulator', 'http://127.0.0.1:9'],
      says: /^No simulator answers at http:\/\/127\.0\.0\.1:9\. Start one with /,
    },
  ];
  for (const { what, words, says } of refusals) {
    it(`refuses ${what} with 2 and a sentence`, async () => {
      const { code, stdout, stderr } = await runCheck(words);
      assert.match(stderr, says);
      assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    });
  }

  it('refuses a path at which the backend takes no events', async () => {
    const other = await startIdleBackend(404);
    try {
      const { code, stderr } = await runCheck(['--webhook', other.webhook, '--port', '0']);
      assert.equal(
        stderr,
        `${other.webhook} answers 404 to a POST: that is not where the backend takes events. Give the right path with --webhook.\n`,
      );
      assert.equal(code, 2);
    } finally {
      other.stop();
    }
  });
});
