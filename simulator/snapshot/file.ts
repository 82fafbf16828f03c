import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SnapshotProblem } from './problem.js';

/**
 * Writes a snapshot so that only its owner can read it, and so that the file is the old or the new one, whatever happens meanwhile.
 * @throws SnapshotProblem when the file cannot be written
 */
export async function writeSnapshotFile(path: string, snapshot: object): Promise<void> {
  const unfinished = `${path}.${process.pid}.part`;
  try {
    const file = await open(unfinished, 'wx', 0o600);
    try {
      await file.writeFile(JSON.stringify(snapshot));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    const why = codeOf(error) === 'ENOENT' ? `there is no folder ${dirname(path)}` : codeOf(error);
    throw new SnapshotProblem(`The snapshot cannot be written to ${path}: ${why}.`);
  }
}

/**
 * Reads a file that is to be a snapshot; whether it is one, loading says.
 * @returns undefined when there is no such file
 * @throws SnapshotProblem when it cannot be read or is not JSON
 */
export async function readSnapshotFile(path: string): Promise<object | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new SnapshotProblem(`The snapshot ${path} cannot be read (${codeOf(error)}).`);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below.
  }
  throw new SnapshotProblem(
    `${path} is no snapshot: it is not a JSON object. It may have been cut off; nothing was changed.`,
  );
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}
