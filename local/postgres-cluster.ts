import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LocalError, messageOf } from './local-error.js';
import type { PostgresPlace } from './postgres-place.js';

/** The role that owns the cluster. */
export const SUPERUSER = 'postgres';

/** Makes the cluster beside its final place and moves it there whole, so that an interrupted first start leaves nothing half made. */
export async function makeCluster(place: PostgresPlace, env: NodeJS.ProcessEnv): Promise<void> {
  const unfinished = `${place.clusterDir}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  rmSync(place.clusterDir, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true, mode: 0o700 });
  const passwordFile = join(unfinished, 'password');
  writeFileSync(passwordFile, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
  if (place.user !== null) {
    chownSync(unfinished, place.user.uid, place.user.gid);
    chownSync(passwordFile, place.user.uid, place.user.gid);
  }
  const args = [
    `--pgdata=${join(unfinished, 'data')}`,
    '--auth=scram-sha-256',
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    '--encoding=UTF8',
    '--no-locale',
  ];
  const options = { env: serverEnv(env), windowsHide: true, ...(place.user ?? {}) };
  await new Promise<void>((resolve, reject) => {
    const initdb = execFile(place.binaries.initdb, args, options, (error, _stdout, stderr) => {
      process.off('exit', killWithUs);
      if (error === null) resolve();
      else reject(new LocalError(initProblem(error, stderr, place)));
    });
    const killWithUs = () => initdb.kill('SIGKILL');
    process.once('exit', killWithUs);
  });
  renameSync(unfinished, place.clusterDir);
}

function initProblem(error: Error, stderr: string, place: PostgresPlace): string {
  if (/No space left on device/i.test(stderr)) {
    return `The database cannot be made: the disk of ${place.clusterDir} is full. Make room (about 100 MB) or choose another disk with DATA_DIR.`;
  }
  if (/Permission denied|could not change permissions/i.test(stderr)) {
    return `The database cannot be made: no permission in ${place.clusterDir}. Choose a folder of your own with DATA_DIR.`;
  }
  const words = stderr.trim().split('\n').slice(-5).join('\n');
  return `The database cannot be made in ${place.clusterDir}: ${words === '' ? messageOf(error) : words}`;
}

/** Only what a server needs: its own PG* variables would change it, and secrets of ours are none of its business. */
export function serverEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'LD_LIBRARY_PATH'];
  const entries = kept.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
  return { ...Object.fromEntries(entries), LC_ALL: 'C', TZ: 'UTC' };
}
