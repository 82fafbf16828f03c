import { startSimulator } from '../../support/simulator.js';
import { startBackend } from './backend.js';
import { runCheck } from './check.js';

/** What `check` says about a backend of examples/wrong-backends. */
export interface Judged {
  code: number | null;
  scenarios: Array<{
    name: string;
    status: 'passed' | 'failed' | 'blocked' | 'not-run';
    failure: { expected: string; seen: string; advice: string } | null;
    reason: string | null;
  }>;
  /** Names of the scenarios of a status, in the order of the report. */
  named(status: string): string[];
  stderr: string;
}

/** Its retries fit into this window, and so does the work of a busy machine. */
const windowSeconds = 40;

/** Runs `check` against the backend with this defect, or without any, with a simulator of its own. */
export async function judged(
  options: { defect?: string; skip?: string[]; patienceSeconds?: number } = {},
): Promise<Judged> {
  const simulator = await startSimulator();
  try {
    const origins = Object.values(simulator.regions);
    const backend = await startBackend({ origins, windowSeconds, defect: options.defect });
    try {
      const { code, stdout, stderr } = await runCheck([
        ...['--simulator', simulator.url, '--webhook', backend.webhook, '--app-id', 'example', '--register'],
        ...[
          '--restart',
          backend.killCommand,
          '--short-window',
          String(windowSeconds),
          '--patience',
          String(options.patienceSeconds ?? 30),
        ],
        ...(options.skip ?? []).flatMap((name) => ['--skip', name]),
        ...['--format', 'json'],
      ]);
      if (code === 2 || stdout === '') throw new Error(`The check could not be carried out: ${stderr}`);
      const { scenarios } = JSON.parse(stdout) as Pick<Judged, 'scenarios'>;
      const named = (status: string) => scenarios.filter((each) => each.status === status).map(({ name }) => name);
      return { code, scenarios, named, stderr };
    } finally {
      await backend.stop();
    }
  } finally {
    await simulator.stop();
  }
}
