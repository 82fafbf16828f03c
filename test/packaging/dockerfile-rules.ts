import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { judgeCommand, readEnvFile } from './tree.js';

interface Instruction {
  name: string;
  text: string;
}

/** Variables that an image may set besides the service's settings. */
const RUNTIME_VARIABLES = ['NODE_ENV'];

/**
 * Checks the Dockerfile against the tree that it is built from, since an image is not built everywhere.
 * @param root the project's folder
 * @returns one line per problem; empty when there is none
 */
export function dockerfileProblems(root: string): string[] {
  const instructions = readInstructions(readFileSync(path.join(root, 'Dockerfile'), 'utf8'));
  const ignored = readFileSync(path.join(root, '.dockerignore'), 'utf8').split('\n').filter(isPattern);
  const settings = [...readEnvFile(root, '.env.example', true).keys(), ...RUNTIME_VARIABLES];
  const problems: string[] = [];
  const stages: string[] = [];
  for (const { name, text } of instructions) {
    if (name === 'FROM') {
      const [, image = '', stage = ''] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(text) ?? [];
      stages.push(stage);
      problems.push(...judgeBase(image));
    } else if (name === 'COPY') {
      problems.push(...judgeCopy(root, text, stages, ignored));
    } else if (name === 'ENV') {
      const names = [...text.matchAll(/([A-Z][A-Z0-9_]*)=/g)].map((match) => match[1] ?? '');
      problems.push(...names.filter((one) => !settings.includes(one)).map((one) => `ENV ${one} is no setting`));
      problems.push(...judgeBundle(root, /WORKFLOW_BUNDLE=(\S+)/.exec(text)?.[1]));
    } else if (name === 'CMD') {
      const problem = judgeCommand(root, JSON.parse(text) as string[]);
      problems.push(...(problem === null ? [] : [`CMD: ${problem}`]));
    } else if (name === 'HEALTHCHECK') {
      problems.push(...judgeHealth(root, text));
    }
  }
  const last = instructions.slice(instructions.findLastIndex((one) => one.name === 'FROM'));
  for (const needed of ['USER', 'HEALTHCHECK', 'CMD']) {
    if (!last.some((one) => one.name === needed)) {
      problems.push(`the image has no ${needed}`);
    }
  }
  if (last.some((one) => one.name === 'USER' && /^(root|0)\b/.test(one.text))) {
    problems.push('the image runs as root');
  }
  return problems;
}

function readInstructions(text: string): Instruction[] {
  return text
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map((line) => /^([A-Z]+)\s+(.+)$/.exec(line.trim()))
    .flatMap((match) => (match === null ? [] : [{ name: match[1] ?? '', text: match[2] ?? '' }]));
}

function judgeBase(image: string): string[] {
  if (!/^node:\d+(\.\d+)*-\w+/.test(image)) {
    return [`FROM ${image}: node with a version and a distribution is expected`];
  }
  return image.includes('alpine') ? [`FROM ${image}: Temporal's native library needs glibc`] : [];
}

function judgeCopy(root: string, text: string, stages: string[], ignored: string[]): string[] {
  const words = text.split(/\s+/);
  const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
  const sources = words.filter((word) => !word.startsWith('--')).slice(0, -1);
  if (from !== undefined) {
    return stages.slice(0, -1).includes(from) ? [] : [`COPY --from=${from}: no such stage before`];
  }
  return sources.flatMap((source) => {
    const name = path.posix.normalize(source);
    if (name.startsWith('..') || path.posix.isAbsolute(name) || !existsSync(path.join(root, name))) {
      return [`COPY ${source}: not in the tree`];
    }
    const hidden = ignored.find((pattern) => matchesIgnore(pattern, name));
    return hidden === undefined ? [] : [`COPY ${source}: .dockerignore leaves it out (${hidden})`];
  });
}

function judgeBundle(root: string, bundle: string | undefined): string[] {
  if (bundle === undefined) {
    return [];
  }
  const source = readFileSync(path.join(root, 'worker/build-bundle.ts'), 'utf8');
  const written = /new URL\('\.\.\/([\w.-]+\.js)', import\.meta\.url\)/.exec(source)?.[1] ?? '';
  return bundle === `/app/dist/${written}` ? [] : [`WORKFLOW_BUNDLE=${bundle}, but the build writes dist/${written}`];
}

function judgeHealth(root: string, text: string): string[] {
  const route = /127\.0\.0\.1:\$\{process\.env\.OPS_PORT \|\| 3001\}(\/\w+)/.exec(text)?.[1];
  const routes = readFileSync(path.join(root, 'api/health.ts'), 'utf8');
  return route !== undefined && routes.includes(`'${route}'`) ? [] : [`HEALTHCHECK asks for ${route}, not served`];
}

function isPattern(line: string): boolean {
  return line !== '' && !line.startsWith('#');
}

/** The patterns in use: a path, or a name with one star. */
function matchesIgnore(pattern: string, name: string): boolean {
  const expression = pattern.replace(/[.]/g, '\\.').replace(/\*/g, '[^/]*');
  return new RegExp(`^${expression}(/|$)`).test(name);
}
