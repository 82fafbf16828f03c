import { whenNpmEnds } from './npm-parent.js';

/** Something started that can be stopped. */
export interface Stoppable {
  /** Settles when it ends by itself; rejects when it failed. Absent where it only ends by being stopped. */
  done?: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Runs one of the service's processes: prints its help when asked, refuses any other argument, starts it, and stops it in order on
 * SIGTERM or SIGINT; a second signal ends the process at once. Failures are told in one sentence and with exit code 1.
 */
export function runProcess(help: string, start: () => Promise<Stoppable>): void {
  const args = process.argv.slice(2);
  // So that nobody takes a --dry-run for granted.
  const unknown = args.find((arg) => !['--help', '-h'].includes(arg));
  if (unknown !== undefined) {
    process.stderr.write(`${unknown} is not known here.\n\n${help}\n`);
    process.exitCode = 1;
    return;
  }
  if (args.length > 0) {
    process.stdout.write(`${help}\n`);
    return;
  }
  run(start).then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : 'unknown error'}\n`);
      // Not by an empty event loop: a handle that a failed part left open must not keep a supervisor from starting the next one.
      process.exit(1);
    },
  );
}

/** npm passes on a signal that the terminal has sent to everybody already: what comes within this time is the same wish. */
const SAME_WISH_MS = 1_000;

async function run(start: () => Promise<Stoppable>): Promise<void> {
  // From the beginning: an npm that ends during the start would be missed for ever.
  const npmEnded = new Promise<void>((resolve) => whenNpmEnds(process.env, resolve));
  // A start that is under way is not waited for, just as a signal ends the process before it is up.
  const running = await Promise.race([start(), npmEnded]);
  if (running === undefined) return;
  const signalled = new Promise<void>((resolve) => {
    let askedAtMs: number | null = null;
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => {
        askedAtMs ??= performance.now();
        if (performance.now() - askedAtMs > SAME_WISH_MS) process.exit(1);
        resolve();
      });
    }
  });
  try {
    await Promise.race([signalled, npmEnded, running.done ?? signalled]);
  } finally {
    await running.stop();
  }
}
