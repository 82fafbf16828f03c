// Generates the Prisma client into store/generated. Runs after every install, with or without the internet: the generator needs
// none of Prisma's downloadable engines, only the name of a program that exists, so this process's own Node stands in for one.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const schemaPath = join(root, 'prisma', 'schema.prisma');
const output = join(root, 'store', 'generated');
const stampPath = join(output, '.made-from');

/** The path of Prisma's command line and its version, or null when it is not installed. */
function findPrisma() {
  try {
    const manifestPath = createRequire(join(root, 'package.json')).resolve('prisma/package.json');
    const manifest = JSON.parse(readFileSync(manifestPath, 'utf8'));
    return { program: join(dirname(manifestPath), manifest.bin.prisma), version: manifest.version };
  } catch {
    return null;
  }
}

function main() {
  const prisma = findPrisma();
  if (!existsSync(schemaPath) || prisma === null) {
    const why = prisma === null ? 'the prisma package is not installed' : 'prisma/schema.prisma is not here';
    console.log(`Prisma client not generated: ${why}. A build that is already in dist/ has its client inside.`);
    return 0;
  }
  const stamp = createHash('sha256').update(prisma.version).update(readFileSync(schemaPath)).digest('hex');
  if (existsSync(join(output, 'client.ts')) && existsSync(stampPath) && readFileSync(stampPath, 'utf8') === stamp)
    return 0;

  rmSync(stampPath, { force: true });
  const run = spawnSync(process.execPath, [prisma.program, 'generate', '--no-hints'], {
    cwd: root,
    encoding: 'utf8',
    env: {
      ...process.env,
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1',
      DATABASE_URL: 'postgresql://placeholder.invalid/placeholder',
    },
  });
  if (run.status !== 0) {
    console.error(
      `The Prisma client could not be generated.\n${run.stdout ?? ''}${run.stderr ?? run.error?.message ?? ''}`,
    );
    return 1;
  }
  writeFileSync(stampPath, stamp);
  return 0;
}

process.exitCode = main();
