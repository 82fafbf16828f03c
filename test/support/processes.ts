import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process that carries a mark. */
export interface FoundProcess {
  pid: number;
  command: string;
  /** Only its environment proves that it descends from whoever set the mark: anybody may name a folder or stand in it. */
  inherited: boolean;
}

/**
 * Processes whose environment, command line or working folder contains `mark`; ours excepted. Finds children of children and
 * those that have left their process group. On Windows nothing can be seen and nothing is found.
 */
export function processesMarked(mark: string): FoundProcess[] {
  if (process.platform === 'win32') return [];
  const found = process.platform === 'linux' ? fromProc(mark) : fromPs(mark);
  return found.filter(({ pid }) => pid !== process.pid);
}

function fromProc(mark: string): FoundProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const command = read(() => readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').join(' ').trim());
      const environment = read(() => readFileSync(`/proc/${name}/environ`, 'utf8'));
      const folder = read(() => readlinkSync(`/proc/${name}/cwd`));
      // A process that has ended but was not collected yet has no command line.
      if (command === '' || ![command, environment, folder].some((text) => text.includes(mark))) return [];
      return [{ pid: Number(name), command, inherited: environment.includes(mark) }];
    });
}

function fromPs(mark: string): FoundProcess[] {
  return execFileSync('ps', ['-axEww', '-o', 'pid=,command='], { encoding: 'utf8', maxBuffer: 64_000_000 })
    .split('\n')
    .filter((line) => line.includes(mark))
    .map((line) => ({
      pid: Number.parseInt(line, 10),
      command: line
        .trim()
        .replace(/^\d+\s+/, '')
        .slice(0, 200),
      // Command and environment come in one line; a variable is told by its name in front.
      inherited: line.split(/\s+/).some((word) => /^[A-Z_]+=/.test(word) && word.includes(mark)),
    }));
}

function read(get: () => string): string {
  try {
    return get();
  } catch {
    return '';
  }
}
