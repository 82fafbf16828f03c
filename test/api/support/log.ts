import { type Logger, pino } from 'pino';

/** Log lines as text, to look into. */
export function captureLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  return { lines, log: pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) }) };
}
