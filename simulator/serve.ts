import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { createClient } from './client/client.js';
import { openSimulator } from './open.js';
import type { Settings } from './settings.js';
import { createFollowers } from './world/clock-followers.js';

/** Often enough that it has ended when the next start wants its port. */
const LOOK_FOR_NPM_EVERY_MS = 250;

/**
 * Listens for every region, says so in one line, and stops on SIGTERM, SIGINT or when a parent goes away that opened a channel, or that
 * was npm's shell.
 * @throws Error that names the setting when a port is in use, or when the snapshot could not be written at the end
 */
export async function serve(settings: Settings, env: NodeJS.ProcessEnv): Promise<void> {
  const npmEnded = new Promise<void>((resolve) => whenNpmEnds(env, resolve));
  if (settings.snapshot !== undefined) await assertFolderOf(settings.snapshot);
  const followers = createFollowers(settings.clockFollowers);
  const simulator = await openSimulator({
    host: settings.host,
    regions: settings.regions,
    followers,
    ...(settings.app && { app: settings.app }),
    ...(settings.runLink && { runLink: settings.runLink }),
  });
  const { url, urls, clock } = simulator;
  try {
    if (settings.snapshot !== undefined) await loadAtStart(url, settings.snapshot);
  } catch (error) {
    await simulator.close();
    throw error;
  }
  process.stdout.write(`${JSON.stringify({ listening: url, regions: urls })}\n`);
  followers.start(clock.reading);

  const stop = async () => {
    if (settings.snapshot !== undefined) await saveAtStop(url, settings.snapshot);
    await simulator.close();
    process.exit(process.exitCode ?? 0);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  if (process.connected) process.once('disconnect', stop);
  else void npmEnded.then(stop);
}

/** A signal to npm ends npm and its shell, which does not pass it on; what npm did not start is never told. */
function whenNpmEnds(env: NodeJS.ProcessEnv, ended: () => void): void {
  if (env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    ended();
  }, LOOK_FOR_NPM_EVERY_MS);
  timer.unref();
}

/** What cannot be written at the end, when all is lost with it, is better said at the start. */
async function assertFolderOf(file: string): Promise<void> {
  const folder = dirname(resolve(file));
  await access(folder, constants.W_OK | constants.X_OK).catch(({ code }: NodeJS.ErrnoException) => {
    const why = code === 'ENOENT' ? 'there is no folder' : 'nothing can be written to';
    throw new Error(`SIMULATOR_SNAPSHOT: ${why} ${folder}; choose a file in a folder that you can write to`);
  });
}

/** @throws Error with a sentence when the file is there and cannot be loaded */
async function loadAtStart(url: string, file: string): Promise<void> {
  const { readSnapshotFile } = await import('./snapshot/file.js');
  const snapshot = await readSnapshotFile(file);
  if (snapshot === undefined) return;
  const { notes } = await createClient(url).loadSnapshot(snapshot);
  for (const note of notes) process.stderr.write(`${note}\n`);
}

async function saveAtStop(url: string, file: string): Promise<void> {
  const { writeSnapshotFile } = await import('./snapshot/file.js');
  try {
    await writeSnapshotFile(file, await createClient(url).snapshot());
  } catch (error) {
    process.stderr.write(`The snapshot was not saved: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
