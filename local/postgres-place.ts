import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { codeOf, LocalError } from './local-error.js';
import { binariesIn, type PostgresBinaries, packagedBinaries } from './postgres-binaries.js';

/** A user of the system, by number. */
export interface SystemUser {
  uid: number;
  gid: number;
}

/** Where the cluster and the programs are, and who runs them. */
export interface PostgresPlace {
  /** Folder that holds `data/` and `password`. */
  clusterDir: string;
  binaries: PostgresBinaries;
  /** Null: the user who runs us. */
  user: SystemUser | null;
}

/** Used by root when the user postgres cannot enter the data folder or the project's folder. */
const SHARED_DIR = '/var/lib/appconnect-lifecycle';

/**
 * Decides where PostgreSQL lives. Ordinarily in `dataDir`, with the programs of the npm package. PostgreSQL refuses to run as
 * root, so root runs it as the user `postgres` (made when missing); that user must be able to enter every folder on the way, and
 * what it cannot reach goes to a shared folder of the system.
 * @throws LocalError when there is no such user and none can be made
 */
export function findPostgresPlace(dataDir: string, say: (line: string) => void): PostgresPlace {
  const binaries = packagedBinaries();
  const wanted = join(resolve(dataDir), 'postgres');
  if (process.getuid?.() !== 0) return { clusterDir: wanted, binaries, user: null };
  const user = postgresUser();
  return {
    clusterDir: reachableClusterDir(resolve(dataDir), wanted, user, say),
    binaries: reachableBinaries(binaries, user),
    user,
  };
}

function reachableClusterDir(dataDir: string, wanted: string, user: SystemUser, say: (line: string) => void): string {
  // A cluster that has been moved here before stays here, whatever the permissions are today.
  const pointer = join(dataDir, 'postgres-elsewhere');
  if (existsSync(pointer)) return readFileSync(pointer, 'utf8').trim();
  if (mayEnter(dirname(dataDir), user)) {
    const mode = statSync(dataDir).mode;
    // Entering is enough: what is secret in the data folder is readable by its owner only.
    if (!mayEnter(dataDir, user)) chmodSync(dataDir, (mode & 0o7777) | 0o011);
    return wanted;
  }
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  const elsewhere = join(SHARED_DIR, name);
  mkdirSync(SHARED_DIR, { recursive: true, mode: 0o711 });
  writeFileSync(pointer, `${elsewhere}\n`);
  say(`PostgreSQL's user cannot enter ${dataDir}, so the database is kept in ${elsewhere}.`);
  return elsewhere;
}

function reachableBinaries(binaries: PostgresBinaries, user: SystemUser): PostgresBinaries {
  if (mayEnter(binaries.root, user)) return binaries;
  const name = createHash('sha256')
    .update(readFileSync(join(binaries.root, '..', 'package.json')))
    .digest('hex')
    .slice(0, 16);
  const copy = join(SHARED_DIR, `postgres-${name}`);
  if (!existsSync(copy)) {
    mkdirSync(SHARED_DIR, { recursive: true, mode: 0o711 });
    const unfinished = `${copy}.${process.pid}`;
    cpSync(binaries.root, unfinished, { recursive: true, verbatimSymlinks: true });
    try {
      renameSync(unfinished, copy);
    } catch (error) {
      rmSync(unfinished, { recursive: true, force: true });
      // Another start has made the same copy meanwhile.
      if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
    }
  }
  return binariesIn(copy);
}

/** Whether `user` may enter `dir` and every folder above it, by the ordinary permission bits. */
function mayEnter(dir: string, user: SystemUser): boolean {
  const { uid, gid, mode } = statSync(dir);
  const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
  if ((mode & bit) === 0) return false;
  const parent = dirname(dir);
  return parent === dir || mayEnter(parent, user);
}

function postgresUser(): SystemUser {
  try {
    return lookUpUser();
  } catch {
    try {
      execFileSync('groupadd', ['--system', 'postgres'], { stdio: 'ignore' });
      execFileSync('useradd', ['--system', '--gid', 'postgres', '--no-create-home', 'postgres'], { stdio: 'ignore' });
      return lookUpUser();
    } catch {
      throw new LocalError(
        'PostgreSQL does not run as root and a user named postgres could not be made: start as an ordinary user, or set DATABASE_URL to a PostgreSQL that runs already.',
      );
    }
  }
}

function lookUpUser(): SystemUser {
  const id = (flag: string) =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  return { uid: id('-u'), gid: id('-g') };
}
