import { create } from 'xmlbuilder2';
import type { Outcome, Report } from '../types.js';
import { summaryOf } from './summary.js';

/** The report as JUnit XML: what was blocked or not run counts as skipped, with its reason. */
export function junitReport(report: Report): string {
  const { failed, blocked, not_run } = summaryOf(report);
  const counts = {
    tests: report.scenarios.length,
    failures: failed,
    errors: 0,
    skipped: blocked + not_run,
    time: inSeconds(report.duration_ms),
  };
  const document = create({ version: '1.0', encoding: 'UTF-8' });
  const suites = document.ele('testsuites', { name: 'conformance check', ...counts });
  const suite = suites.ele('testsuite', { name: printable(report.target.webhook), timestamp: report.date, ...counts });
  const properties = suite.ele('properties');
  for (const [name, value] of Object.entries({ ...report.target, tool_version: report.tool_version })) {
    properties.ele('property', { name, value: printable(value) });
  }
  for (const outcome of report.scenarios) addCase(suite, outcome);
  return document.end({ prettyPrint: true });
}

function addCase(suite: ReturnType<typeof create>, outcome: Outcome): void {
  const { name, status, failure, reason, notes, duration_ms } = outcome;
  const testcase = suite.ele('testcase', { classname: 'conformance', name, time: inSeconds(duration_ms) });
  if (failure !== null) {
    const text = `Expected: ${failure.expected}\nSeen: ${failure.seen}\nTo do: ${failure.advice}`;
    testcase.ele('failure', { message: printable(failure.seen), type: 'conformance' }).txt(printable(text));
  }
  if (reason !== null) testcase.ele('skipped', { message: printable(`${status}: ${reason}`) });
  if (notes.length > 0) testcase.ele('system-out').txt(printable(notes.join('\n')));
}

function inSeconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}

/** XML has no form for most control characters, and what a backend sends may hold them. */
function printable(text: string): string {
  return text.replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd');
}
