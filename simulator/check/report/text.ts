import { notJudged } from '../requirements.js';
import type { InstallationEvidence, Outcome, Report, Scenario } from '../types.js';
import { requirementVerdicts, seconds, summaryOf } from './summary.js';

const widthMax = 120;

/** The report for people: verdicts, requirements, and the evidence of what failed. */
export function textReport(report: Report): string {
  const { target, date, duration_ms, tool_version } = report;
  const { passed, failed, blocked, not_run } = summaryOf(report);
  const sections = [
    [
      `Conformance check of ${target.webhook}, app ${target.app_id}`,
      `${date}, ${seconds(duration_ms)}, simulator ${tool_version} at ${target.simulator}`,
    ],
    ['Scenarios', ...report.scenarios.flatMap(scenarioLines)],
    ["Talkdesk's requirements", ...requirementLines(report)],
    ...(report.rules.length === 0
      ? []
      : [['General rules, over all that was seen of the app; hints, no verdict', ...ruleLines(report)]]),
    ['Not judged: no request over HTTP shows it', ...notJudged.map((words) => `  ${words}`)],
    ...report.scenarios.filter(({ status }) => status === 'failed').map(evidenceLines),
    [`${passed} passed, ${failed} failed, ${blocked} blocked, ${not_run} not run.`],
  ];
  return sections.map((lines) => lines.join('\n')).join('\n\n');
}

/** One line while the check runs, and one more about what was seen of a failure. */
export function progressLine({ name, status, duration_ms, reason, failure }: Outcome, n: number, of: number): string {
  const after = reason === null ? seconds(duration_ms) : reason;
  const line = `${String(n).padStart(String(of).length)}/${of}  ${status.padEnd(7)}  ${name}  (${after})`;
  return failure === null ? line : `${line}\n                ${failure.seen}`;
}

/** `--list`: the scenarios with what they show. */
export function scenarioList(scenarios: readonly Scenario[]): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  return scenarios.map(({ name, title }) => `${name.padEnd(width)}  ${title}`).join('\n');
}

function scenarioLines({ name, status, duration_ms, failure, reason, notes }: Outcome): string[] {
  const indent = ' '.repeat(11);
  const first = `  ${status.padEnd(7)}  ${name.padEnd(32)}${reason === null ? `${seconds(duration_ms).padStart(7)}` : ` ${reason}`}`;
  const failed =
    failure === null
      ? []
      : [
          `${indent}Expected: ${failure.expected}`,
          `${indent}Seen:     ${failure.seen}`,
          `${indent}To do:    ${failure.advice}`,
        ];
  return [first, ...failed, ...notes.map((note) => `${indent}${note}`)];
}

function requirementLines(report: Report): string[] {
  return requirementVerdicts(report).flatMap(({ verdict, words, pages, shown, scenarios }) => {
    const other = scenarios.filter(({ status }) => status !== 'passed').map(({ name, status }) => `${name} ${status}`);
    const passed = scenarios.filter(({ status }) => status === 'passed').map(({ name }) => name);
    const indent = ' '.repeat(17);
    return [
      `  ${verdict.padEnd(13)}  ${words} (${pages.join(', ')})`,
      ...(verdict === 'partly' && shown !== null ? [`${indent}${shown}`] : []),
      ...wrapped([...(passed.length === 0 ? [] : [`passed: ${passed[0]}`]), ...passed.slice(1)], indent),
      ...wrapped(other, indent),
    ];
  });
}

function ruleLines({ rules }: Report): string[] {
  return rules.flatMap(({ rule, status, checked, broken, broken_total }) => [
    `  ${status.padEnd(8)}  ${rule} (${checked} judged)`,
    ...broken.map((what) => `            ${what}`),
    ...(broken_total > broken.length ? [`            and ${broken_total - broken.length} more`] : []),
  ]);
}

function evidenceLines({ name, evidence }: Outcome): string[] {
  return [`Evidence of ${name}`, ...evidence.flatMap(installationLines)];
}

function installationLines(seen: InstallationEvidence): string[] {
  const { installation_id, account_name, region, state, deliveries, requests } = seen;
  const more = (number: number, what: string) => (number === 0 ? [] : [`    ${number} earlier ${what} left out`]);
  return [
    `  installation ${installation_id} of account ${account_name} in ${region}: ${state}`,
    ...deliveries.map(({ at, type, status, ms, error }) => `    ${at}  sent ${type}: ${status ?? error} in ${ms} ms`),
    ...more(seen.deliveries_left_out, 'deliveries'),
    ...requests.map(
      ({ at, method, path, query, status, verdict }) =>
        `    ${at}  ${method} ${path}${query === '' ? '' : `?${query}`}: ${status ?? 'no answer'}, ${verdict}`,
    ),
    ...more(seen.requests_left_out, 'requests'),
  ];
}

/** Words with commas between them, in lines of a readable width. */
function wrapped(words: readonly string[], indent: string): string[] {
  const lines: string[] = [];
  for (const [n, word] of words.entries()) {
    const text = n === words.length - 1 ? word : `${word},`;
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + text.length <= widthMax) lines[lines.length - 1] = `${line} ${text}`;
    else lines.push(`${indent}${text}`);
  }
  return lines;
}
