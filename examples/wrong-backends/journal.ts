import { open } from 'node:fs/promises';

/** Lines of JSON in a file that only grows; what was appended survives `kill -9` and a power cut. */
export interface Journal {
  /** What was in the file when it was opened. */
  readonly entries: readonly unknown[];
  /** Resolves when the entry is on the disk. */
  append(entry: object): Promise<void>;
}

/** Opens or makes the file; a last line that was cut off was never promised to anybody and goes. */
export async function openJournal(path: string): Promise<Journal> {
  const file = await open(path, 'a+', 0o600);
  const text = await file.readFile('utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.length < text.length) await file.truncate(Buffer.byteLength(whole));
  let waiting: string[] = [];
  let nextWrite: Promise<void> | null = null;
  let lastWrite: Promise<void> = Promise.resolve();

  /** One sync for everything that came while the one before was under way. */
  async function write(): Promise<void> {
    nextWrite = null;
    const lines = waiting;
    waiting = [];
    await file.appendFile(lines.join(''));
    await file.datasync();
  }

  return {
    entries: whole
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line)),
    append(entry) {
      waiting.push(`${JSON.stringify(entry)}\n`);
      if (nextWrite === null) {
        nextWrite = lastWrite.then(write);
        lastWrite = nextWrite.catch(() => undefined);
      }
      return nextWrite;
    },
  };
}
