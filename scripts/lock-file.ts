/** The parts of package-lock.json that are read here; the rest is kept as it is. */
export interface LockFile {
  packages: Record<string, LockEntry>;
}

/** One package of the lock file. */
export interface LockEntry {
  version?: string;
  integrity?: string;
  dev?: boolean;
  optional?: boolean;
  link?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

/** An optional package that an entry names and the lock file lacks. */
export interface MissingPackage {
  name: string;
  /** As the naming package pins it. */
  version: string;
  /** True when only development needs the naming package. */
  development: boolean;
}

/**
 * Finds what `npm ci` would miss: optional packages that are named by an entry of the lock file and have none themselves.
 * @param lock the parsed lock file
 */
export function missingPlatformPackages(lock: LockFile): MissingPackage[] {
  const missing: MissingPackage[] = [];
  for (const [place, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (!isReachable(lock, place, name)) {
        missing.push({ name, version, development: entry.dev === true });
      }
    }
  }
  return missing;
}

/** True when Node's search from `place` upwards meets the package in the lock file. */
function isReachable(lock: LockFile, place: string, name: string): boolean {
  for (let from = place; ; from = from.slice(0, from.lastIndexOf('/node_modules/'))) {
    const candidate = from === '' ? `node_modules/${name}` : `${from}/node_modules/${name}`;
    if (candidate in lock.packages) {
      return true;
    }
    if (!from.includes('/node_modules/')) {
      return `node_modules/${name}` in lock.packages;
    }
  }
}
