import { fstatSync, mkdirSync, openSync, readSync, write, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DestinationStream } from 'pino';

/** Lines that could not be written, beyond which the newest are given up. */
const KEPT_BYTES = 4_000_000;
const STANDARD_OUTPUT = 1;
const STANDARD_ERROR = 2;
const ADVICE: Record<string, string> = {
  EPIPE: 'Everything else goes on. Its reader has gone: nothing more is logged until the process is started again.',
  EAGAIN: 'Its reader stands still, and the last lines are lost.',
};
const OTHER_ADVICE =
  'Everything else goes on. Make room on its disk, or see to the file; lines are kept in memory until then.';
/** How long a reader whose pipe is full is left alone, and how long a process that ends waits for it to take anything. */
const FULL_PIPE_PAUSE_MS = 20;
const LAST_LINES_MS = 3000;

/**
 * Where lines of the log go. A log that cannot be written, on a full disk above all, stops nothing and keeps no process from ending:
 * its lines are kept in memory, 4 MB of them, and written before the next one that finds room, or when the process ends. Said once on
 * standard error, each time that it begins.
 *
 * Pino's own destination tries for ever to write its last lines, which is why this one stands here.
 *
 * @param file is made with its folder, and holds each line as soon as it is logged; standard output unless given
 * @throws when the file cannot be opened
 */
export function createLogDestination(file?: string): DestinationStream {
  const descriptor = file === undefined ? standardOutput() : openLog(file);
  const kept = createKeptLines();
  if (file !== undefined && isCutOff(descriptor)) kept.add('\n');
  const trouble = createTrouble(file ?? 'standard output');

  /** Writes what is kept, all of it before this returns. */
  function writeNow(patienceMs = 0): void {
    let deadline = performance.now() + patienceMs;
    for (;;) {
      const lines = kept.next();
      if (lines.length === 0) return;
      try {
        kept.written(writeSync(descriptor, lines));
        deadline = performance.now() + patienceMs;
        trouble.over();
      } catch (error) {
        if (!isFullPipe(error) || performance.now() > deadline) return trouble.tell(error);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_PAUSE_MS);
      }
    }
  }

  let state: 'idle' | 'writing' | 'waiting for the reader' = 'idle';
  /** Writes what is kept beside everything else: whoever reads standard output may stand still. */
  function writeBeside(): void {
    if (state !== 'idle') return;
    const lines = kept.next();
    if (lines.length === 0) return;
    state = 'writing';
    write(descriptor, lines, (error, bytes) => {
      state = 'idle';
      if (isFullPipe(error)) {
        state = 'waiting for the reader';
        setTimeout(goOn, FULL_PIPE_PAUSE_MS).unref();
        return;
      }
      if (error) return trouble.tell(error);
      kept.written(bytes);
      trouble.over();
      writeBeside();
    });
  }
  function goOn(): void {
    state = 'idle';
    writeBeside();
  }

  process.once('exit', () => {
    // What is being written gets there without its answer, which nobody will hear any more.
    if (state === 'writing') kept.written(kept.next().length);
    writeNow(LAST_LINES_MS);
  });
  return {
    write(line) {
      kept.add(line);
      if (file === undefined) writeBeside();
      else writeNow();
    },
  };
}

/** Lines in their order: the oldest, of which a part may be written, and those logged since. */
function createKeptLines() {
  let oldest = Buffer.alloc(0);
  let since = '';
  let bytesSince = 0;
  return {
    add(line: string): void {
      const bytes = Buffer.byteLength(line);
      if (oldest.length + bytesSince + bytes > KEPT_BYTES) return;
      since += line;
      bytesSince += bytes;
    },
    /** What is to be written next; empty when nothing is left. */
    next(): Buffer {
      if (oldest.length === 0) {
        oldest = Buffer.from(since);
        since = '';
        bytesSince = 0;
      }
      return oldest;
    },
    written(bytes: number): void {
      oldest = oldest.subarray(bytes);
    },
  };
}

/** Tells that lines cannot be written to a place, once until they can again. */
function createTrouble(place: string) {
  let told = false;
  return {
    tell(error: unknown): void {
      const { code, message } = error as NodeJS.ErrnoException;
      if (told) return;
      told = true;
      sayOnStandardError(
        `The log cannot be written (${code ?? message}): ${place}. ${(code && ADVICE[code]) ?? OTHER_ADVICE}`,
      );
    },
    over(): void {
      told = false;
    },
  };
}

/**
 * Node makes a pipe answer that it is full when its stream is made: a write that waited for the reader would keep the process from
 * ending. TypeScript's loader makes the stream anyway, so that only the built program would miss this.
 */
function standardOutput(): number {
  void process.stdout;
  return STANDARD_OUTPUT;
}

function openLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  return openSync(file, 'a+');
}

/** Whether a process was killed, or found no room, within the last line: the next one must not join it. */
function isCutOff(descriptor: number): boolean {
  const { size } = fstatSync(descriptor);
  const last = Buffer.alloc(1);
  return size > 0 && readSync(descriptor, last, 0, 1, size - 1) === 1 && last.toString() !== '\n';
}

function isFullPipe(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'EAGAIN';
}

function sayOnStandardError(line: string): void {
  try {
    writeSync(STANDARD_ERROR, `${line}\n`);
  } catch {
    // It may well lead to the same full disk.
  }
}
