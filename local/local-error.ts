/**
 * Something that keeps the local mode from starting or staying up. The message is one sentence or two for the person at the
 * terminal: what is wrong and what to do. Printed without a stack.
 */
export class LocalError extends Error {
  override readonly name = 'LocalError';
}

/** The text of anything thrown, for the end of a sentence. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message === '' ? error.name : error.message;
  return String(error);
}

/** The system's error code (such as `EACCES`) of anything thrown, or null. */
export function codeOf(error: unknown): string | null {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : null;
}

/**
 * Rewords errors of the file system for the person at the terminal: no permission, no space, read-only disk.
 * @param doing what was attempted, such as `write the data folder /x`
 * @param setting the variable that moves it elsewhere
 * @returns a `LocalError` for these; anything else unchanged
 */
export function explainFileError(error: unknown, doing: string, setting: 'DATA_DIR' | 'XDG_CACHE_HOME'): unknown {
  switch (codeOf(error)) {
    case 'EACCES':
    case 'EPERM':
      return new LocalError(
        `No permission to ${doing}: choose a folder of your own with ${setting}, for example ${setting}=~/appconnect.`,
      );
    case 'EROFS':
      return new LocalError(`Cannot ${doing}: the disk is read-only. Choose another folder with ${setting}.`);
    case 'ENOSPC':
    case 'EDQUOT':
      return new LocalError(
        `Cannot ${doing}: the disk is full. Make room (about 600 MB) or choose another disk with ${setting}.`,
      );
    case 'ENOTDIR':
    case 'EEXIST':
      return new LocalError(
        `Cannot ${doing}: a file is in the way of a folder. Remove it or choose another folder with ${setting}.`,
      );
    default:
      return error;
  }
}
