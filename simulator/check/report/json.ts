import { notJudged } from '../requirements.js';
import type { Report } from '../types.js';
import { requirementVerdicts, summaryOf } from './summary.js';

/** Changes when a field of the report is taken away or means something else. */
const version = 1;

/** The whole report as JSON, as docs/conformance.md describes it. */
export function jsonReport(report: Report): string {
  const { scenarios, rules, ...head } = report;
  const requirements = requirementVerdicts(report);
  return JSON.stringify(
    { version, ...head, summary: summaryOf(report), requirements, scenarios, rules, not_judged: notJudged },
    null,
    2,
  );
}
