import { type ChildProcess, spawn } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A transfer that brings nothing for this long is given up. */
const STALLED_MS = 60_000;
/** The longest whole transfer (about 110 MB). */
const FETCH_LIMIT_MS = 15 * 60_000;
const PROXY_SETTINGS = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];
/** Finding out that there is no way to the internet must not take longer. */
const DNS_LIMIT_MS = 1_500;

/**
 * Ends at once what would otherwise be tried for long: passes when the host's name is known here, or when a proxy is set, behind
 * which the names of the internet may be unknown and the download still work.
 * @throws Error when the host cannot be found
 */
export async function resolvable(host: string, env: NodeJS.ProcessEnv): Promise<void> {
  if (PROXY_SETTINGS.some((setting) => env[setting])) return;
  const found = await Promise.race([
    lookup(host).then(
      () => true,
      () => false,
    ),
    sleep(DNS_LIMIT_MS, false, { ref: false }),
  ]);
  if (!found) throw new Error(`${host} cannot be found from here`);
}

/**
 * Runs a fetching command; reports growth of `dir` every two seconds, and gives up when nothing arrives any more.
 * @param dir folder that grows with the transfer; null for a command that fetches nothing
 * @throws Error with the last line of the command's complaint, or the reason why it was given up
 */
export async function runFetch(
  command: string,
  args: string[],
  dir: string | null,
  onProgress: (remark: string) => void,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const startedAt = performance.now();
  const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'pipe'], windowsHide: true });
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    complaint = (complaint + chunk).slice(-2_000);
  });
  let gaveUp: string | null = null;
  let lastBytes = 0;
  let lastGrowthAt = startedAt;
  const watch = setInterval(() => {
    const nowMs = performance.now();
    const bytes = dir === null ? 0 : bytesUnder(dir);
    if (bytes !== lastBytes) lastGrowthAt = nowMs;
    lastBytes = bytes;
    if (nowMs - lastGrowthAt > STALLED_MS) gaveUp = `nothing arrived for ${STALLED_MS / 1000} s`;
    if (nowMs - startedAt > FETCH_LIMIT_MS) gaveUp = `not done after ${FETCH_LIMIT_MS / 60_000} minutes`;
    if (gaveUp !== null) child.kill('SIGKILL');
    else onProgress(`${Math.round((nowMs - startedAt) / 1000)} s, ${(bytes / 1_000_000).toFixed(0)} MB on disk`);
  }, 2_000);
  try {
    const code = await ended(child);
    if (gaveUp !== null) throw new Error(gaveUp);
    if (code !== 0) throw new Error(lastLine(complaint) ?? `${command} ended with code ${code}`);
  } finally {
    clearInterval(watch);
    process.off('exit', killWithUs);
  }
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}

function lastLine(text: string): string | null {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return lines.at(-1)?.trim().slice(0, 300) ?? null;
}

/** All files below a folder with their sizes; none when the folder cannot be read. */
export function filesUnder(dir: string): { path: string; bytes: number }[] {
  try {
    return readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => ({ path, bytes: statSync(path, { throwIfNoEntry: false })?.size ?? 0 }));
  } catch {
    return [];
  }
}

function bytesUnder(dir: string): number {
  return filesUnder(dir).reduce((sum, file) => sum + file.bytes, 0);
}
