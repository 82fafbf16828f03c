import { closeSync, existsSync, openSync, unlinkSync } from 'node:fs';
import { CannotRun } from './failure.js';

const reasons: Record<string, string> = {
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder is a file',
  EISDIR: 'it is a folder',
  EACCES: 'it may not be written',
  EROFS: 'the disk is read-only',
};

/**
 * Finds out, before minutes are spent, whether the report can be written; leaves everything as it is.
 * @throws CannotRun when it cannot
 */
export function expectWritable(file: string): void {
  const existed = existsSync(file);
  try {
    closeSync(openSync(file, 'a'));
    if (!existed) unlinkSync(file);
  } catch (error) {
    throw cannotWrite(file, error);
  }
}

/** The sentence about a report that cannot be written. */
export function cannotWrite(file: string, error: unknown): CannotRun {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return new CannotRun(`--output: ${file} cannot be written, ${reasons[code] ?? code}. Name a file that can.`);
}
