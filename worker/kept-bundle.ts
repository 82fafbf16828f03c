import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { BUNDLER_SOURCE, buildWorkflowBundle, type BuiltBundle } from './build-bundle.js';

/** What a kept bundle was made of. */
interface Kept {
  /** SHA-256 of each file, by its path. */
  files: Record<string, string>;
  absent: string[];
  code: string;
}

/**
 * The workflow bundle that `file` keeps, or a new one, kept there for the next start. Building takes seconds. A kept one is taken only
 * when it is whole, every file that it was made of holds the same bytes, and no file has come that would be taken instead of one.
 *
 * @param file in a folder that only this user may write to: what it holds is run
 * @param build makes a bundle; tests give their own
 */
export async function keptWorkflowBundle(
  file: string,
  build: () => Promise<BuiltBundle> = buildWorkflowBundle,
): Promise<{ code: string }> {
  const kept = readKept(file);
  if (kept !== null) return kept;
  const startedAtMs = Date.now();
  const { code, read, absent } = await build();
  const inputs = [...read.filter(isFile), ...builders()];
  // What was saved meanwhile may have been read before or after.
  if (inputs.every((path) => statSync(path).mtimeMs < startedAtMs)) {
    keep(file, { files: Object.fromEntries(inputs.map((path) => [path, hashOf(readFileSync(path))])), absent, code });
  }
  return { code };
}

function readKept(file: string): { code: string } | null {
  try {
    const text = readFileSync(file, 'utf8');
    const end = text.indexOf('\n');
    const body = text.slice(end + 1);
    if (text.slice(0, end) !== hashOf(body)) return null;
    const { files, absent, code } = JSON.parse(body) as Kept;
    const current =
      builders().every((path) => path in files) &&
      Object.entries(files).every(([path, hash]) => hashOf(readFileSync(path)) === hash) &&
      !absent.some((path) => existsSync(path));
    return current ? { code } : null;
  } catch {
    // None is kept, or a file that it was made of is gone.
    return null;
  }
}

function keep(file: string, kept: Kept): void {
  const body = JSON.stringify(kept);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // Half of it is found out by its hash; a rename besides, so that what is there is replaced whole.
    writeFileSync(`${file}.new`, `${hashOf(body)}\n${body}`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch {
    // The bundle is as good without; the next start builds it again.
  }
}

/** Files that stand for how a bundle is built: the options, and the versions of the SDK and of the tools that it builds with. */
function builders(): string[] {
  const sdk = createRequire(import.meta.url).resolve('@temporalio/worker/package.json');
  const { resolve } = createRequire(sdk);
  const tools = ['webpack', '@swc/core', 'swc-loader', 'source-map-loader'];
  return [BUNDLER_SOURCE, sdk, ...tools.map((tool) => resolve(`${tool}/package.json`))];
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function hashOf(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
