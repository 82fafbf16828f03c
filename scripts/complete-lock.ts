/**
 * Adds to package-lock.json the platform packages that its entries name as optional and that it lacks.
 *
 * A registry mirror may not carry the binaries of other platforms. A lock file written behind such a mirror leaves them out;
 * `npm ci` then refuses it ("Missing: … from lock file"), and on another platform the tool would have no binary at all. The
 * version is the one that the naming package pins; the checksum stays open, as it cannot be had.
 *
 * Usage, after a change of dependencies: node --import tsx scripts/complete-lock.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { missingPlatformPackages, type LockFile, type LockEntry } from './lock-file.js';

const FILE = 'package-lock.json';

/** Operating systems, processors and C libraries as npm names them, found in the names of platform packages. */
const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64'];

const lock = JSON.parse(readFileSync(FILE, 'utf8')) as LockFile;
const missing = missingPlatformPackages(lock);
for (const { name, version, development } of missing) {
  const words = (name.split('/').at(-1) ?? name).split('-');
  const os = words.filter((word) => SYSTEMS.includes(word));
  const cpu = words.filter((word) => PROCESSORS.includes(word));
  if (os.length !== 1 || cpu.length !== 1 || !/^\d+\.\d+\.\d+/.test(version)) {
    throw new Error(`${name}@${version}: its platform cannot be told from its name; add it to ${FILE} by hand`);
  }
  const libc = words.includes('musl') ? ['musl'] : words.some((word) => /^gnu/.test(word)) ? ['glibc'] : [];
  const entry: LockEntry = {
    version,
    cpu,
    ...(development && { dev: true }),
    ...(os[0] === 'linux' && libc.length > 0 && { libc }),
    optional: true,
    os,
  };
  lock.packages[`node_modules/${name}`] = entry;
}
const sorted = Object.entries(lock.packages).sort(([one], [other]) => (one < other ? -1 : 1));
writeFileSync(FILE, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
process.stdout.write(`${FILE}: ${missing.length} platform packages added\n`);
