import { type Requirement, requirements } from '../requirements.js';
import type { Outcome, Report, Status } from '../types.js';

/** Numbers of scenarios by status, and the exit code that follows. */
export interface Summary {
  passed: number;
  failed: number;
  blocked: number;
  not_run: number;
  exit_code: 0 | 1 | 2;
}

/** `evidenced`: every scenario passed; `partly`: some passed and the others were not run, or all show a part of it only. */
export type RequirementVerdict = 'evidenced' | 'partly' | 'not evidenced' | 'not judged';

/** Counts a report. */
export function summaryOf({ scenarios }: Report): Summary {
  const count = (status: Status) => scenarios.filter((outcome) => outcome.status === status).length;
  const [failed, blocked] = [count('failed'), count('blocked')];
  const broken = scenarios.some(({ cannot_run }) => cannot_run);
  const exit_code = failed + blocked > 0 ? 1 : broken ? 2 : 0;
  return { passed: count('passed'), failed, blocked, not_run: count('not-run'), exit_code };
}

/** Each requirement with the scenarios that evidence it. */
export function requirementVerdicts(report: Report): Array<
  Omit<Requirement, 'shown'> & {
    /** Which part of it the verdict `partly` is about, null for all of it. */
    shown: string | null;
    verdict: RequirementVerdict;
    scenarios: Array<{ name: string; status: Status }>;
  }
> {
  return requirements.map((requirement) => {
    const scenarios = report.scenarios
      .filter((outcome) => outcome.requirements.includes(requirement.id))
      .map(({ name, status }) => ({ name, status }));
    const { shown = null, ...words } = requirement;
    return { ...words, verdict: verdictOf(scenarios, shown !== null), shown, scenarios };
  });
}

function verdictOf(scenarios: ReadonlyArray<Pick<Outcome, 'status'>>, isPart: boolean): RequirementVerdict {
  const has = (status: Status) => scenarios.some((scenario) => scenario.status === status);
  if (has('failed') || has('blocked')) return 'not evidenced';
  if (!has('passed')) return 'not judged';
  return has('not-run') || isPart ? 'partly' : 'evidenced';
}

/** Milliseconds as seconds with one decimal. */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
