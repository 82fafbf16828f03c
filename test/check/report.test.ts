import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Ended, runCheck, startIdleBackend } from './support/check.js';

let backend: { webhook: string; stop(): void };
let folder: string;
let ended: Record<'text' | 'json' | 'junit', Ended & { file: string }>;

/** A backend that refuses everything: one scenario fails, one is left out, the others are blocked. */
const words = ['--port', '0', '--app-id', 'app-1', '--skip', 'window'];

before(async () => {
  backend = await startIdleBackend(400);
  folder = await mkdtemp(join(tmpdir(), 'check-report-'));
  const one = async (format: 'text' | 'json' | 'junit') => {
    const output = join(folder, format);
    const run = await runCheck(['--webhook', backend.webhook, ...words, '--format', format, '--output', output]);
    return { ...run, file: await readFile(output, 'utf8') };
  };
  ended = { text: await one('text'), json: await one('json'), junit: await one('junit') };
});
after(async () => {
  backend?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The report with what differs from run to run replaced. */
function steady(text: string): string {
  return text
    .replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, 'http://HOST')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'DATE')
    .replaceAll(/\b[0-9a-f]{32}\b/g, 'ID')
    .replaceAll(/check-[0-9a-f]{6}-/g, 'check-RUN-')
    .replaceAll(/ +\d+\.\d s\b/g, ' N s')
    .replaceAll(/in [\d.]+ ms/g, 'in N ms')
    .replaceAll(/time="(?!0\.000)[\d.]+"/g, 'time="T"')
    .replaceAll(/simulator \d+\.\d+\.\d+/g, 'simulator VERSION')
    .replaceAll(/"tool_version" value="[^"]+"/g, '"tool_version" value="VERSION"');
}

describe('the report of `check`', () => {
  it('ends with 1 where a scenario failed, says nothing on the standard output, and its progress on the other', () => {
    assert.deepEqual(
      Object.values(ended).map(({ code, stdout }) => ({ code, stdout })),
      [1, 1, 1].map((code) => ({ code, stdout: '' })),
    );
    const [first, second, third] = ended.text.stderr.split('\n');
    assert.equal(
      steady(first ?? ''),
      ' 1/22  failed   install-approved  (0.1 s)'.replace('0.1 s', first?.match(/[\d.]+ s/)?.[0] ?? ''),
    );
    assert.equal(second, '                The webhook answered 400.');
    assert.equal(third, ' 2/22  blocked  own-token-per-installation  (builds on install-approved, which failed)');
  });

  it('as text says what was expected, what was seen and what to do, by scenario and by requirement', () => {
    const [head, scenarios, requirements, rules, notJudged, evidence, sum, ...more] = steady(ended.text.file).split(
      '\n\n',
    );
    assert.equal(
      head,
      'Conformance check of http://HOST/events, app app-1\nDATE, N s, simulator VERSION at http://HOST',
    );
    assert.deepEqual(scenarios?.split('\n').slice(0, 7), [
      'Scenarios',
      '  failed   install-approved N s',
      '           Expected: The app.installed event is answered with a 2xx.',
      '           Seen:     The webhook answered 400.',
      '           To do:    Verify the signature over the raw bytes, store the event, answer 200 or 204, and do the rest afterwards.',
      '  blocked  own-token-per-installation       builds on install-approved, which failed',
      '  blocked  signature-refused                builds on own-token-per-installation, which was blocked',
    ]);
    assert.equal(scenarios?.split('\n').at(-1), '  not-run  window                           left out by --skip');
    assert.deepEqual(requirements?.split('\n').slice(-9, -3), [
      '  not evidenced  SSO and single sign-out (docs/app-requirements, reference/userlogout)',
      '                 trial-events blocked',
      '  not evidenced  Expired tokens invisible to users (docs/app-requirements)',
      '                 token-reuse blocked, rotation blocked',
      '  not evidenced  Certification is marketplace and technical; listing only after approval (docs/app-requirements, docs/appconnect-marketplace, docs/guides)',
      '                 own-token-per-installation blocked, signature-refused blocked, signature-forms blocked,',
    ]);
    assert.match(rules ?? '', /^General rules, over all that was seen of the app; hints, no verdict\n {2}/);
    assert.match(rules ?? '', /\n {2}kept {6}acknowledgement-time \(1 judged\)\n/);
    assert.match(notJudged ?? '', /^Not judged: no request over HTTP shows it\n {2}SSO: the login itself/);
    assert.deepEqual(evidence?.split('\n'), [
      'Evidence of install-approved',
      '  installation ID of account check-RUN-1-1 in us: installing',
      '    DATE  sent app.installed: 400 in N ms',
    ]);
    assert.equal(sum, '0 passed, 1 failed, 21 blocked, 1 not run.\n');
    assert.deepEqual(more, []);
  });

  it('as JSON has a version, a summary, and each scenario with its evidence', () => {
    const report = JSON.parse(steady(ended.json.file).replaceAll(/"(duration_ms|ms)": (?!0,)[\d.]+/g, '"$1": 1'));
    assert.deepEqual(Object.keys(report), [
      ...['version', 'date', 'duration_ms', 'tool_version', 'target', 'options', 'summary'],
      ...['requirements', 'scenarios', 'rules', 'not_judged'],
    ]);
    assert.equal(report.version, 1);
    assert.deepEqual(report.target, { webhook: 'http://HOST/events', app_id: 'app-1', simulator: 'http://HOST' });
    assert.deepEqual(report.options, {
      patience_seconds: 30,
      restart: false,
      told_time: false,
      short_window_seconds: null,
    });
    assert.deepEqual(report.summary, { passed: 0, failed: 1, blocked: 21, not_run: 1, exit_code: 1 });
    assert.deepEqual(report.requirements[4], {
      id: 'signed-jwt',
      words: 'Signed JWT is mandatory to be listed',
      pages: ['docs/signed-jwt', 'reference/cc-basic'],
      verdict: 'not evidenced',
      shown: null,
      scenarios: [{ name: 'install-approved', status: 'failed' }],
    });
    assert.deepEqual(report.scenarios[0], {
      name: 'install-approved',
      title: 'An installation is approved, by calls with a token that a signed client assertion was given for.',
      requirements: ['automated-install', 'near-real-time', 'signed-jwt', 'lifecycle-events'],
      status: 'failed',
      duration_ms: 1,
      failure: {
        expected: 'The app.installed event is answered with a 2xx.',
        seen: 'The webhook answered 400.',
        advice:
          'Verify the signature over the raw bytes, store the event, answer 200 or 204, and do the rest afterwards.',
      },
      reason: null,
      cannot_run: false,
      notes: [],
      evidence: [
        {
          installation_id: 'ID',
          account_name: 'check-RUN-1-1',
          region: 'us',
          state: 'installing',
          deliveries: [
            {
              at: 'DATE',
              type: 'app.installed',
              event_id: 'ID',
              status: 400,
              ms: 1,
              error: 'the callback URL answered 400',
            },
          ],
          deliveries_left_out: 0,
          decisions: [],
          requests: [],
          requests_left_out: 0,
        },
      ],
    });
    assert.deepEqual(report.scenarios.at(-1), {
      name: 'window',
      title: 'A decision that an outage of the API has held up is still made inside the window.',
      requirements: ['lifecycle-events', 'near-real-time'],
      status: 'not-run',
      reason: 'left out by --skip',
      duration_ms: 0,
      failure: null,
      cannot_run: false,
      notes: [],
      evidence: [],
    });
  });

  it('as JUnit XML counts what was blocked or not run as skipped', () => {
    const lines = steady(ended.junit.file).split('\n');
    assert.deepEqual(lines.slice(0, 18), [
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<testsuites name="conformance check" tests="23" failures="1" errors="0" skipped="22" time="T">',
      '  <testsuite name="http://HOST/events" timestamp="DATE" tests="23" failures="1" errors="0" skipped="22" time="T">',
      '    <properties>',
      '      <property name="webhook" value="http://HOST/events"/>',
      '      <property name="app_id" value="app-1"/>',
      '      <property name="simulator" value="http://HOST"/>',
      '      <property name="tool_version" value="VERSION"/>',
      '    </properties>',
      '    <testcase classname="conformance" name="install-approved" time="T">',
      '      <failure message="The webhook answered 400." type="conformance">Expected: The app.installed event is answered with a 2xx.',
      'Seen: The webhook answered 400.',
      'To do: Verify the signature over the raw bytes, store the event, answer 200 or 204, and do the rest afterwards.</failure>',
      '    </testcase>',
      '    <testcase classname="conformance" name="own-token-per-installation" time="0.000">',
      '      <skipped message="blocked: builds on install-approved, which failed"/>',
      '    </testcase>',
      '    <testcase classname="conformance" name="signature-refused" time="0.000">',
    ]);
    assert.deepEqual(lines.slice(-6), [
      '    <testcase classname="conformance" name="window" time="0.000">',
      '      <skipped message="not-run: left out by --skip"/>',
      '    </testcase>',
      '  </testsuite>',
      '</testsuites>',
      '',
    ]);
  });
});
