import { writeSync } from 'node:fs';
import { type DestinationStream, pino } from 'pino';

/** Lines that could not be written, beyond which the newest are given up. */
const KEPT_BYTES = 4_000_000;
const STANDARD_OUTPUT = 1;
const STANDARD_ERROR = 2;

/**
 * Where lines of the log go. A log that cannot be written, on a full disk above all, stops nothing: its lines are kept in memory, so many
 * as fit, and written before the next one that finds room. Said once on standard error, each time that it begins.
 *
 * @param file is made with its folder; standard output unless given
 */
export function createLogDestination(file?: string): DestinationStream {
  // Each line is written as it is logged: what is written beside the program would keep a process whose log fails from ending.
  const stream = pino.destination({ dest: file ?? STANDARD_OUTPUT, mkdir: true, sync: true, maxLength: KEPT_BYTES });
  let failing = false;
  stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (failing) return;
    failing = true;
    sayOnStandardError(
      `The log cannot be written (${code ?? message}): ${file ?? 'standard output'}. Everything else goes on. Make room on its disk, ` +
        'or see to the file; lines are kept in memory until then.',
    );
  });
  stream.on('write', () => {
    failing = false;
  });
  return stream;
}

function sayOnStandardError(line: string): void {
  try {
    writeSync(STANDARD_ERROR, `${line}\n`);
  } catch {
    // It may well lead to the same full disk.
  }
}
