import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { LockFile } from './lock-file.js';
import { missingPlatformPackages } from './lock-file.js';

interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

/** The sections of docs/dependencies.md, by the key of package.json that each lists. */
const SECTIONS = { dependencies: '## At run time', devDependencies: '## For development' } as const;

/**
 * Holds docs/dependencies.md to package.json: every direct dependency has one row, in the right section, with all five
 * columns filled, the licence that the installed package states and a date; no row is left of a package that went.
 * @param root the project's folder
 * @returns one line per problem; empty when there is none
 */
export function checkDependencyList(root: string): string[] {
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Manifest;
  const document = path.join(root, 'docs/dependencies.md');
  if (!existsSync(document)) {
    return ['docs/dependencies.md is missing'];
  }
  const text = readFileSync(document, 'utf8');
  const problems: string[] = [];
  for (const key of ['dependencies', 'devDependencies'] as const) {
    const rows = readRows(text, SECTIONS[key]);
    const wanted = Object.keys(manifest[key] ?? {});
    for (const name of wanted) {
      const row = rows.get(name);
      if (row === undefined) {
        problems.push(`docs/dependencies.md: ${name} has no row under "${SECTIONS[key]}"`);
      } else {
        problems.push(...judgeRow(root, name, row).map((problem) => `docs/dependencies.md: ${name}: ${problem}`));
      }
    }
    for (const name of rows.keys()) {
      if (!wanted.includes(name)) {
        problems.push(`docs/dependencies.md: ${name} is listed under "${SECTIONS[key]}" but not in package.json there`);
      }
    }
  }
  return problems;
}

/**
 * Holds package-lock.json to three rules: it names no registry (`omit-lockfile-registry-resolved` in .npmrc keeps it so, and an
 * install then uses whichever registry the reader has); every package has a checksum, but for binaries of other platforms, which
 * a mirror may not carry; and none of those is left out, or `npm ci` fails.
 * @param root the project's folder
 * @returns one line per problem; empty when there is none
 */
export function checkLockFile(root: string): string[] {
  const text = readFileSync(path.join(root, 'package-lock.json'), 'utf8');
  const problems: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (/"resolved":\s*"(https?|git)/.test(line)) {
      problems.push(
        `package-lock.json:${index + 1}  holds an address: npm install with the project's .npmrc removes it`,
      );
    }
  }
  const lock = JSON.parse(text) as LockFile;
  for (const [place, entry] of Object.entries(lock.packages)) {
    const isPlatformBinary = entry.optional === true && entry.os !== undefined;
    if (place !== '' && entry.link !== true && entry.integrity === undefined && !isPlatformBinary) {
      problems.push(`package-lock.json: ${place} has no checksum`);
    }
  }
  for (const { name, version } of missingPlatformPackages(lock)) {
    problems.push(
      `package-lock.json: ${name}@${version} is left out: node --import tsx scripts/complete-lock.ts adds it`,
    );
  }
  return problems;
}

/**
 * Finds more than one copy of protobufjs, in the lock file or installed: with two, a recorded workflow history does not
 * load ("type must be a Type"), because Temporal's messages come from one copy and the JSON reader from the other.
 * @param root the project's folder
 * @returns one line that names the copies, or nothing
 */
export function checkSingleProtobuf(root: string): string[] {
  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, unknown>;
  };
  const locked = Object.keys(lock.packages).filter((place) => /(^|\/)node_modules\/protobufjs$/.test(place));
  const installed = [...installedCopies(root, 'node_modules', 'protobufjs')];
  return [
    { where: 'package-lock.json', copies: locked },
    { where: 'node_modules', copies: installed },
  ]
    .filter(({ copies }) => copies.length !== 1)
    .map(({ where, copies }) => `${where} holds ${copies.length} copies of protobufjs: ${copies.join(', ')}`);
}

function readRows(text: string, heading: string): Map<string, string[]> {
  const lines = text.split('\n');
  const start = lines.indexOf(heading);
  const rows = new Map<string, string[]>();
  for (const line of start === -1 ? [] : lines.slice(start + 1)) {
    if (line.startsWith('## ')) {
      break;
    }
    const cells = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    const name = /^`([^`]+)`$/.exec(cells[0] ?? '')?.[1];
    if (name !== undefined) {
      rows.set(name, cells);
    }
  }
  return rows;
}

function judgeRow(root: string, name: string, cells: string[]): string[] {
  const [, , , licence = '', released = ''] = cells;
  const problems: string[] = [];
  if (cells.length !== 5 || cells.some((cell) => cell === '')) {
    problems.push('needs five filled columns: package, what for, what instead, licence, last release');
  }
  if (!/^\d{4}-\d{2}-\d{2}( \(.+\))?$/.test(released)) {
    problems.push(`"${released}" is not a date like 2026-01-31`);
  }
  const installed = path.join(root, 'node_modules', name, 'package.json');
  if (existsSync(installed)) {
    const stated = (JSON.parse(readFileSync(installed, 'utf8')) as { license?: string }).license;
    if (stated !== licence) {
      problems.push(`the licence is "${stated}", not "${licence}"`);
    }
  }
  return problems;
}

/** Walks node_modules folders only, never into a package's own files. */
function* installedCopies(root: string, modules: string, wanted: string): Generator<string> {
  for (const entry of readdirSync(path.join(root, modules), { withFileTypes: true })) {
    const place = path.posix.join(modules, entry.name);
    if (!entry.isDirectory() || entry.name.startsWith('.')) {
      continue;
    }
    if (entry.name.startsWith('@')) {
      yield* installedCopies(root, place, wanted);
      continue;
    }
    if (entry.name === wanted && !path.posix.basename(modules).startsWith('@')) {
      yield place;
    }
    const nested = path.posix.join(place, 'node_modules');
    if (existsSync(path.join(root, nested))) {
      yield* installedCopies(root, nested, wanted);
    }
  }
}
