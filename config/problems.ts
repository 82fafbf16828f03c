import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import type { SettingProblem } from './errors.js';

/** Collects what is wrong, so that everything can be reported at once. */
export interface Problems {
  add(variable: string, problem: string): void;
  list(): SettingProblem[];
}

/** An empty collection. */
export function createProblems(): Problems {
  const items: SettingProblem[] = [];
  return {
    add: (variable, problem) => void items.push({ variable, problem }),
    list: () => [...items],
  };
}

/** Text of a file that a setting names, or null with a problem added. Takes an absolute path. */
export function readSettingFile(variable: string, path: string, problems: Problems): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason =
      code === 'ENOENT'
        ? 'does not exist'
        : code === 'EACCES' || code === 'EPERM'
          ? 'may not be read by this user'
          : code === 'EISDIR'
            ? 'is a folder'
            : `cannot be read (${code ?? 'unknown error'})`;
    problems.add(variable, `the file ${path} ${reason}`);
    return null;
  }
}

/** Content of a JSON file that a setting names, or undefined with a problem added. */
export function readJsonSetting(variable: string, path: string, problems: Problems): unknown {
  const text = readSettingFile(variable, path, problems);
  if (text === null) return undefined;
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    // The parser's own message quotes the text, which may hold a secret.
    problems.add(variable, `the file ${path} is not valid JSON`);
    return undefined;
  }
}

/** Adds a schema's complaints, each with the place it is about. Zod's messages do not hold the input. */
export function addIssues(variable: string, place: string, issues: z.core.$ZodIssue[], problems: Problems): void {
  for (const issue of issues) {
    const path = [place, ...issue.path.map(String)].filter((part) => part !== '').join('.');
    problems.add(path === '' ? variable : `${variable} ${path}`, issue.message);
  }
}

/** Words a schema's refusal of what is no object, or has keys that it does not know. */
export function keysError(allowed: string) {
  return (issue: { code?: string; keys?: string[] }): string =>
    issue.code === 'unrecognized_keys'
      ? (issue.keys ?? []).map((key) => `${key} is unknown; allowed are ${allowed}`).join('; ')
      : `must be an object; allowed are ${allowed}`;
}
