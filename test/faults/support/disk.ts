import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import type { FaultWorld } from './world.js';

/** What the files of the world's PostgreSQL lie on, so that it can be filled. */
export interface Disk {
  /** How it is made, in words. */
  how: string;
  /** From now on no file grows. */
  fill(): Promise<void>;
  /** Makes room again, and starts the server where it has given up. */
  free(): Promise<void>;
  /** Before the world stops. */
  remove(): Promise<void>;
}

/** Room beyond the files there are: for the log segments that a start makes. */
const ROOM_MB = 96;
const MB = 1024 * 1024;
/** Above the size of a log segment (16 MB), which must still be written under the limit. */
const FILE_LIMIT_BYTES = 17 * MB;

/** A disk of their own where this user may mount one, and otherwise a limit to the size of any one file. */
export async function createDisk(world: FaultWorld): Promise<Disk> {
  const mounted = await ownDisk(world);
  return mounted ?? limitedFiles(world);
}

/** The files move to a small tmpfs. Null where none may be mounted. */
async function ownDisk(world: FaultWorld): Promise<Disk | null> {
  const data = join(world.folder, 'postgres', 'data');
  const whole = `${data}-whole`;
  const filler = join(data, 'filler');
  const usedMb = Number(execFileSync('du', ['-sm', data], { encoding: 'utf8' }).split('\t')[0]);
  const place = join(world.folder, 'disk');
  mkdirSync(place);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${usedMb + ROOM_MB}m`, 'tmpfs', place], { stdio: 'ignore' });
  } catch {
    return null;
  }
  await world.postgres.stop();
  execFileSync('cp', ['-a', '-T', data, place]);
  renameSync(data, whole);
  mkdirSync(data);
  execFileSync('mount', ['--move', place, data]);
  await world.postgres.start();
  return {
    how: 'the files on a tmpfs, filled to its last byte',
    async fill() {
      const file = openSync(filler, 'w');
      for (let size = MB; size >= 512; ) {
        try {
          writeSync(file, Buffer.alloc(size, 1));
        } catch {
          size /= 2;
        }
      }
      closeSync(file);
    },
    async free() {
      rmSync(filler);
      if (!(await answers(world))) await world.postgres.crash();
    },
    async remove() {
      await world.postgres.stop();
      execFileSync('umount', [data]);
      rmSync(data, { recursive: true });
      renameSync(whole, data);
      await world.postgres.start();
    },
  };
}

/** The file of the inbox' bodies has grown to the limit that every process of the server is then given. */
function limitedFiles(world: FaultWorld): Disk {
  const { database } = world.surroundings;
  const limit = async (text: string) => {
    const backends = await database.query<{ pid: number }>('SELECT pid FROM pg_stat_activity');
    const set = (pid: number) =>
      execFileSync('prlimit', ['--pid', String(pid), `--fsize=${text}`], { stdio: 'ignore' });
    set(world.postgres.pid());
    for (const { pid } of backends) {
      try {
        set(pid);
      } catch {
        // It has ended meanwhile; whatever follows it inherits the limit.
      }
    }
  };
  return {
    how: 'a limit to the size of a file (no tmpfs may be mounted here)',
    async fill() {
      const sizeOf = async () => {
        const [row] = await database.query<{ bytes: string }>(
          `SELECT pg_relation_size(reltoastrelid) AS bytes FROM pg_class WHERE oid = 'inbox_event'::regclass`,
        );
        return Number(row?.bytes);
      };
      while ((await sizeOf()) < FILE_LIMIT_BYTES) await growInbox(database.url);
      await limit(`${await sizeOf()}:`);
    },
    free: () => limit('unlimited:'),
    remove: async () => undefined,
  };
}

/** Rows that were rolled back leave the file as large as they made it. */
async function growInbox(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query(
      `INSERT INTO inbox_event (id, type, app_id, created_at, received_at, status, body, body_hash, outcome, settled_at)
       SELECT 'filler-' || n, 'filler', 'none', now(), now(), 'settled',
              (SELECT string_agg(md5(random()::text || part), '') FROM generate_series(1, 250) AS part), repeat('0', 64), 'recorded', now()
         FROM generate_series(1, 500) AS n`,
    );
    await client.query('ROLLBACK');
  } finally {
    await client.end();
  }
}

async function answers({ surroundings }: FaultWorld): Promise<boolean> {
  return await surroundings.database.query('SELECT 1').then(
    () => true,
    () => false,
  );
}
