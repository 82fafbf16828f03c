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
  // Whoever reads standard output may stand still, and must not keep everything else waiting.
  const sync = file !== undefined;
  const stream = pino.destination({ dest: file ?? STANDARD_OUTPUT, mkdir: true, sync, maxLength: KEPT_BYTES });
  let failing = false;
  // When a process ends, Pino writes what is left: on and on while that fails.
  const flush = stream.flushSync.bind(stream);
  stream.flushSync = () => {
    if (!failing) flush();
  };
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
