import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import type { FolderRule } from './import-table.js';
import {
  DYNAMIC_IMPORTERS,
  ENVIRONMENT_READERS,
  FILE_RULES,
  IMPORT_TABLE,
  PRIVATE_PACKAGES,
  PRIVATE_TARGETS,
} from './import-table.js';
import type { Import } from './read-imports.js';
import { readUse } from './read-imports.js';

const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'coverage']);

/**
 * Holds every TypeScript and JavaScript file below `root` to the import table.
 * @param root the project's folder
 * @returns one line per violation: `file:line  what is wrong`; empty when there is none
 */
export function checkImportTable(root: string): string[] {
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    devDependencies?: Record<string, string>;
  };
  const developmentOnly = new Set(Object.keys(manifest.devDependencies ?? {}));
  const problems: string[] = [];
  for (const file of sourceFiles(root, '')) {
    const folder = file.includes('/') ? file.slice(0, file.indexOf('/')) : '';
    const use = readUse(file, readFileSync(path.join(root, file), 'utf8'));
    const report = (line: number, text: string): void => {
      problems.push(`${file}:${line}  ${text}`);
    };
    if (!ENVIRONMENT_READERS.some((allowed) => allowed.test(file))) {
      for (const line of use.environmentLines) {
        report(line, 'reads the environment: that is for config/ and the main files');
      }
    }
    const rule = IMPORT_TABLE[folder];
    if (folder !== '' && rule === undefined) {
      report(1, `the folder ${folder}/ has no row in the import table`);
    }
    for (const one of use.imports) {
      const problem = judge(file, folder, rule, one, developmentOnly);
      if (problem !== null) {
        report(one.line, problem);
      }
    }
  }
  return problems;
}

/** Says what is wrong with one import, or null. */
function judge(
  file: string,
  folder: string,
  rule: FolderRule | undefined,
  one: Import,
  developmentOnly: Set<string>,
): string | null {
  const { specifier } = one;
  if (specifier === null) {
    const allowed = DYNAMIC_IMPORTERS.some((pattern) => pattern.test(file));
    return allowed ? null : 'imports a module whose name is computed';
  }
  if (specifier === 'process' || specifier === 'node:process') {
    return 'imports node:process: the global process will do, and config/ reads the environment';
  }
  if (specifier.startsWith('.')) {
    return judgeTarget(path.posix.join(path.posix.dirname(file), specifier), file, folder, rule, one.typeOnly);
  }
  if (path.isAbsolute(specifier) || specifier.startsWith('#') || specifier.includes(':\\')) {
    return `imports ${specifier}: own files are imported by a relative path`;
  }
  if (isBuiltin(specifier)) {
    return rule?.builtins === false ? `imports Node's ${specifier}: ${folder}/ must run without Node's modules` : null;
  }
  return judgePackage(file, folder, rule, one, packageOf(specifier), developmentOnly);
}

function judgeTarget(
  resolved: string,
  file: string,
  folder: string,
  rule: FolderRule | undefined,
  typeOnly: boolean,
): string | null {
  if (resolved.startsWith('..')) {
    return `imports ${resolved}, outside the project`;
  }
  const target = resolved.replace(/\.(js|mjs|cjs|ts|json)$/, '');
  const owners = Object.entries(PRIVATE_TARGETS).find(([hidden]) => covers(hidden, target))?.[1];
  if (owners !== undefined && !owners.some((owner) => covers(owner, file))) {
    return `imports ${target}: only ${words(owners)} may`;
  }
  if (rule === undefined || covers(folder, target) || resolved.endsWith('package.json')) {
    return null;
  }
  const listed = (targets: string[] | undefined): boolean => (targets ?? []).some((one) => covers(one, target));
  if (!listed(rule.except) && (listed(rule.values) || (typeOnly && listed(rule.types)))) {
    return null;
  }
  const asType = listed(rule.types) && !listed(rule.except) ? ' by value (import type is allowed)' : '';
  return `imports ${target}${asType}: ${folder}/ may import ${words(rule.values)}`;
}

function judgePackage(
  file: string,
  folder: string,
  rule: FolderRule | undefined,
  one: Import,
  name: string,
  developmentOnly: Set<string>,
): string | null {
  const inside = (places: string[]): boolean => places.some((place) => covers(place, file.replace(/\.\w+$/, '')));
  const reserved = PRIVATE_PACKAGES[name];
  if (reserved !== undefined && !one.typeOnly && !inside(reserved)) {
    return `imports ${name}: only ${words(reserved)} may`;
  }
  for (const strict of FILE_RULES) {
    if (strict.files.test(file) && strict.not?.test(file) !== true && !one.typeOnly) {
      if (strict.neverPackages.some((pattern) => matches(pattern, name))) {
        return `imports ${name}: ${strict.why}`;
      }
    }
  }
  if (folder !== '' && folder !== 'test' && folder !== 'scripts' && !one.typeOnly && developmentOnly.has(name)) {
    return `imports ${name}, which is a development dependency`;
  }
  if (rule === undefined) {
    return null;
  }
  const { packages } = rule;
  const asType = one.typeOnly && (packages.types ?? []).some((pattern) => matches(pattern, name));
  const allowed =
    'only' in packages
      ? packages.only.some((pattern) => matches(pattern, name))
      : !packages.except.some((pattern) => matches(pattern, name));
  if (!allowed && !asType) {
    return `imports the package ${name}: not for ${folder}/`;
  }
  const names = rule.names?.[name];
  const stranger = names === undefined || one.typeOnly ? undefined : one.names.find((each) => !names.test(each));
  return stranger === undefined
    ? null
    : `imports ${stranger} from ${name}: ${folder}/ may import ${String(names)} only`;
}

function* sourceFiles(root: string, folder: string): Generator<string> {
  for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const name = path.posix.join(folder, entry.name);
    if (entry.name.startsWith('.') || SKIPPED_FOLDERS.has(entry.name) || name === 'store/generated') {
      continue;
    }
    if (entry.isDirectory()) {
      yield* sourceFiles(root, name);
    } else if (/\.(ts|mts|js|mjs)$/.test(entry.name) && existsSync(path.join(root, name))) {
      yield name;
    }
  }
}

/** `store` covers `store/inbox`; `store/types` covers itself alone. */
function covers(target: string, name: string): boolean {
  return name === target || name.startsWith(`${target}/`);
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('/*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier);
}

function words(names: string[]): string {
  return names.length === 0 ? 'own files only' : `${names.join(', ')}`;
}
