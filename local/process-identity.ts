import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What tells one process from a later one that was given the same pid. */
export interface ProcessIdentity {
  pid: number;
  /** When it started, in the system's own form; only good for comparing. */
  startedAt: string;
}

/**
 * Looks a process up.
 * @returns its identity, or null when there is no such process (one that has ended but was not collected counts as none)
 */
export function identityOf(pid: number): ProcessIdentity | null {
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  const startedAt = startTimeOf(pid);
  return startedAt === null ? null : { pid, startedAt };
}

/** Whether the very process of `identity` still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.startedAt === identity.startedAt;
}

/** The command line of a process with blanks between its words, or null when it cannot be read. */
export function commandLineOf(pid: number): string | null {
  switch (process.platform) {
    case 'linux':
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
      } catch {
        return null;
      }
    case 'win32':
      return ask('powershell', [
        '-NoProfile',
        '-Command',
        `(Get-CimInstance Win32_Process -Filter "ProcessId=${pid}").CommandLine`,
      ]);
    default:
      return ask('ps', ['-ww', '-o', 'command=', '-p', String(pid)]);
  }
}

function startTimeOf(pid: number): string | null {
  switch (process.platform) {
    case 'linux':
      return linuxStartTime(pid);
    case 'win32':
      return ask('powershell', ['-NoProfile', '-Command', `(Get-Process -Id ${pid}).StartTime.Ticks`]);
    default: {
      const answer = ask('ps', ['-o', 'stat=,lstart=', '-p', String(pid)]);
      return answer === null || answer.startsWith('Z') ? null : answer.replace(/^\S+\s+/, '');
    }
  }
}

function linuxStartTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets and may itself hold blanks and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const state = fields[0];
    const startTicks = fields[19];
    if (state === undefined || startTicks === undefined || 'ZX'.includes(state)) return null;
    // Ticks count from the boot, so a record from before a restart of the machine must not match.
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${bootId}:${startTicks}`;
  } catch {
    return null;
  }
}

function ask(command: string, args: string[]): string | null {
  try {
    const answer = execFileSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 10_000,
      // `ps` words its times by the language.
      ...(process.platform === 'win32' ? {} : { env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } }),
    }).trim();
    return answer === '' ? null : answer;
  } catch {
    return null;
  }
}
