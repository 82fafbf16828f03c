import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Kept after a run: what was done before a violation, and the lines of the table. */
export const LOGS = fileURLToPath(new URL('../../../.faults', import.meta.url));

const REPORT = join(LOGS, 'report.jsonl');

/** One line of the table in docs/reliability.md. */
export interface FaultReport {
  /** Which table: a named fault, crash points, seeds, broken builds, recovery. */
  group: 'fault' | 'crash points' | 'seed' | 'broken build' | 'recovery';
  name: string;
  /** What shows that work was in flight when it came. */
  hit: string;
  /** How often it was done. */
  runs: number;
  violations: number;
  /** What each violation was, in words, where the run goes on to make its line although there are some. */
  sentences?: readonly string[];
}

/** Adds a line to `.faults/report.jsonl`, of which the runner makes the table at its end. */
export function report(line: FaultReport): void {
  mkdirSync(LOGS, { recursive: true });
  appendFileSync(REPORT, `${JSON.stringify(line)}\n`);
}

/** Forgets the lines of an earlier run. */
export function beginReport(): void {
  rmSync(REPORT, { force: true });
}

/** The lines so far as a table in Markdown, as docs/reliability.md has it, and under it what each violation was. */
export function reportTable(): string {
  if (!existsSync(REPORT)) return 'No fault was reported.';
  const lines = readFileSync(REPORT, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as FaultReport);
  const rows = lines.map(({ group, name, hit, runs, violations }) => [group, name, hit, runs, violations]);
  const total = ['', 'in all', '', sum(lines, 'runs'), sum(lines, 'violations')];
  const table = [
    ['kind', 'fault', 'what it hit', 'runs', 'violations'],
    ['---', '---', '---', '---', '---'],
    ...rows.sort((a, b) => String(a[0]).localeCompare(String(b[0]))),
    total,
  ].map((cells) => `| ${cells.join(' | ')} |`);
  const words = lines.flatMap(({ name, sentences = [] }) => sentences.map((sentence) => `${name}: ${sentence}`));
  return [...table, ...words].join('\n');
}

function sum(lines: FaultReport[], field: 'runs' | 'violations'): number {
  return lines.reduce((total, line) => total + line[field], 0);
}
