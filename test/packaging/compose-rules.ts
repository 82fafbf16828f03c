import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { DCLinter } from 'dclint';
import { parse } from 'yaml';
import { judgeCommand, readEnvFile } from './tree.js';

/** The parts of a Compose service that are checked beyond the schema. */
export interface ComposeService {
  image?: string;
  build?: string;
  restart?: string;
  profiles?: string[];
  command?: string[];
  entrypoint?: string[];
  environment?: Record<string, string>;
  volumes?: string[];
  ports?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test?: string[]; disable?: boolean };
}

/** The answer of the Compose linter; its own typings do not resolve under NodeNext. */
interface LintAnswer {
  messages: { rule: string; line: number; message: string }[];
}

interface Compose {
  services: Record<string, ComposeService>;
  volumes?: Record<string, unknown>;
}

/** Variables of the Compose file that are no settings of the service. */
const COMPOSE_VARIABLES = ['POSTGRES_PASSWORD', 'SERVICE_DB_PASSWORD', 'PRODUCT_DB_PASSWORD', 'TEMPORAL_DB_PASSWORD'];

/** What the images of others read, from their own descriptions; their mounted scripts may read more. */
const FOREIGN_VARIABLES: Record<string, string[]> = {
  postgres: ['POSTGRES_USER', 'POSTGRES_DB', 'POSTGRES_PASSWORD'],
  'temporalio/server': [
    ...['DB', 'DB_PORT', 'POSTGRES_SEEDS', 'POSTGRES_USER', 'POSTGRES_PWD', 'DBNAME', 'VISIBILITY_DBNAME'],
    ...['NUM_HISTORY_SHARDS', 'BIND_ON_IP', 'DYNAMIC_CONFIG_FILE_PATH'],
  ],
  'temporalio/admin-tools': ['SQL_PLUGIN', 'SQL_HOST', 'SQL_PORT', 'SQL_USER', 'SQL_PASSWORD', 'TEMPORAL_ADDRESS'],
  'temporalio/ui': ['TEMPORAL_ADDRESS'],
};

/** Reads the Compose file with its merges carried out, and `${…}` still in place. */
export function readCompose(root: string): Compose {
  return parse(readFileSync(path.join(root, 'docker-compose.yml'), 'utf8'), { merge: true }) as Compose;
}

/**
 * Checks docker-compose.yml against the Compose specification and against the tree.
 * @param root the project's folder
 * @returns one line per problem; empty when there is none
 */
export function composeProblems(root: string): string[] {
  const bySchema = schemaProblems(path.join(root, 'docker-compose.yml'));
  if (bySchema.length > 0) {
    return bySchema;
  }
  const compose = readCompose(root);
  const problems = variableProblems(root);
  for (const [name, service] of Object.entries(compose.services)) {
    const found = [
      ...environmentProblems(root, service),
      ...commandProblems(root, service),
      ...volumeProblems(root, service, compose),
      ...dependencyProblems(name, service, compose),
      ...healthProblems(service),
      ...hostProblems(service, compose),
    ];
    problems.push(...found.map((problem) => `${name}: ${problem}`));
  }
  const mounted = Object.values(compose.services).flatMap((service) => service.volumes ?? []);
  for (const volume of Object.keys(compose.volumes ?? {})) {
    if (!mounted.some((mount) => mount.startsWith(`${volume}:`))) {
      problems.push(`the volume ${volume} is used by no service`);
    }
  }
  return problems;
}

/** True for what runs to its end once, instead of staying up. */
function isOneShot(service: ComposeService): boolean {
  return service.restart?.startsWith('on-failure') === true;
}

function schemaProblems(file: string): string[] {
  const rules = {
    'no-duplicate-container-names': 2,
    'no-duplicate-exported-ports': 2,
    'no-unbound-port-interfaces': 2,
    'no-version-field': 2,
    'require-project-name-field': 2,
    'require-quotes-in-ports': 2,
    'service-image-require-explicit-tag': [2, { prohibitedTags: ['stable', 'edge'] }],
  } as const;
  const off = [
    ...['no-build-and-image', 'no-quotes-in-volumes', 'service-container-name-regex', 'service-keys-order'],
    ...['service-dependencies-alphabetical-order', 'service-ports-alphabetical-order', 'services-alphabetical-order'],
    'top-level-properties-order',
  ];
  const linter = new DCLinter({
    rules: { ...Object.fromEntries(off.map((rule) => [rule, 0])), ...rules } as never,
    quiet: true,
    debug: false,
    exclude: [],
  });
  const answers = linter.lintFiles([file], false) as unknown as LintAnswer[];
  return answers.flatMap(({ messages }) =>
    messages.map(({ rule, line, message }) => `line ${line}: ${message} (${rule})`),
  );
}

/** Every `${NAME}` is a known name, what has no default is set for the demo, and the demo sets nothing else. */
function variableProblems(root: string): string[] {
  const text = readFileSync(path.join(root, 'docker-compose.yml'), 'utf8').replace(/^\s*#.*$/gm, '');
  const known = [...readEnvFile(root, '.env.example', true).keys(), ...COMPOSE_VARIABLES, 'NODE_ENV'];
  const demo = readEnvFile(root, 'docker/demo.env');
  const problems = new Set<string>();
  const used = new Set<string>();
  for (const [, name = '', operator = ''] of text.matchAll(/\$\{(\w+)(:?[-?])?[^}]*\}/g)) {
    used.add(name);
    if (!known.includes(name)) {
      problems.add(`\${${name}} is neither in .env.example nor a variable of this file`);
    }
    if (!operator.endsWith('-') && !demo.has(name)) {
      problems.add(`\${${name}} has no default and docker/demo.env does not set it`);
    }
  }
  for (const name of demo.keys()) {
    if (!used.has(name)) {
      problems.add(`docker/demo.env sets ${name}, which nothing uses`);
    }
  }
  return [...problems];
}

function environmentProblems(root: string, service: ComposeService): string[] {
  const names = Object.keys(service.environment ?? {});
  const image = service.image?.split(':')[0] ?? '';
  const read = scriptVariables(root, service);
  const missing = read.filter((name) => !names.includes(name)).map((name) => `its script reads ${name}, not set here`);
  let known: string[];
  if (service.build === undefined) {
    known = [...(FOREIGN_VARIABLES[image] ?? []), ...read];
  } else if (service.command?.[1]?.includes('simulator') === true) {
    known = readFileSync(path.join(root, 'simulator/settings.ts'), 'utf8').match(/\bSIMULATOR_\w+/g) ?? [];
  } else {
    known = [...readEnvFile(root, '.env.example', true).keys(), 'NODE_ENV'];
  }
  return [...missing, ...names.filter((name) => !known.includes(name)).map((name) => `${name} is read by nobody`)];
}

/** Names in capitals that the service's mounted shell scripts read. */
function scriptVariables(root: string, service: ComposeService): string[] {
  const scripts = (service.volumes ?? [])
    .map((mount) => mount.split(':')[0] ?? '')
    .filter((file) => /\.sh$/.test(file));
  const texts = scripts
    .filter((file) => existsSync(path.join(root, file)))
    .map((file) => readFileSync(path.join(root, file), 'utf8').replace(/^\s*#.*$/gm, ''));
  return [
    ...new Set(texts.flatMap((text) => [...text.matchAll(/\$\{?([A-Z][A-Z0-9_]+)/g)].map(([, name = '']) => name))),
  ];
}

function commandProblems(root: string, service: ComposeService): string[] {
  if (service.build === undefined) {
    const script = service.entrypoint?.[1];
    const mounted = (service.volumes ?? []).some((mount) => mount.split(':')[1] === script);
    return script === undefined || mounted ? [] : [`runs ${script}, which is not mounted`];
  }
  const context = existsSync(path.join(root, service.build, 'Dockerfile'))
    ? []
    : [`the build context ${service.build} has no Dockerfile`];
  const problem = judgeCommand(root, service.command ?? []);
  return problem === null ? context : [...context, problem];
}

function volumeProblems(root: string, service: ComposeService, compose: Compose): string[] {
  const targets = (service.volumes ?? []).map((mount) => mount.split(':')[1]);
  const demo = readEnvFile(root, 'docker/demo.env');
  const problems: string[] = [];
  for (const mount of service.volumes ?? []) {
    const [source = ''] = mount.split(':');
    if (!source.startsWith('.')) {
      if (compose.volumes === undefined || !(source in compose.volumes)) {
        problems.push(`the volume ${source} is not declared`);
      }
    } else if (source.includes('..') || !existsSync(path.join(root, source))) {
      problems.push(`mounts ${source}, which is not in the tree`);
    } else if (source.endsWith('.sh') && !isExecutable(path.join(root, source))) {
      problems.push(`mounts ${source}, which may not be executed`);
    }
  }
  for (const [name, value] of Object.entries(service.environment ?? {})) {
    const resolved = value.replace(/^\$\{(\w+)[^}]*\}$/, (_, variable: string) => demo.get(variable) ?? '');
    if (resolved.startsWith('/etc/') && !targets.includes(resolved)) {
      problems.push(`${name} names ${resolved}, where nothing is mounted`);
    }
  }
  return problems;
}

function dependencyProblems(name: string, service: ComposeService, compose: Compose): string[] {
  return Object.entries(service.depends_on ?? {}).flatMap(([other, { condition }]) => {
    const target = compose.services[other];
    if (target === undefined) {
      return [`waits for ${other}, which is no service`];
    }
    if (target.profiles?.some((profile) => service.profiles?.includes(profile) !== true) === true) {
      return [`waits for ${other}, which only starts with a profile that ${name} does not have`];
    }
    if (condition === 'service_healthy' && target.healthcheck?.test === undefined) {
      return [`waits for ${other} to be healthy, which has no health check`];
    }
    if ((condition === 'service_completed_successfully') !== isOneShot(target)) {
      return [`waits for ${other} with ${condition}, which does not fit its restart policy ${target.restart ?? 'no'}`];
    }
    return [];
  });
}

/** Whatever stays up and is not a bare page has a health check, which asks a port that the service listens on. */
function healthProblems(service: ComposeService): string[] {
  if (isOneShot(service)) {
    return [];
  }
  const test = service.healthcheck?.test?.join(' ');
  if (test === undefined) {
    return service.image?.startsWith('temporalio/ui:') === true ? [] : ['has no health check'];
  }
  const asked = /127\.0\.0\.1:(\d+)\//.exec(test)?.[1];
  const listens = Object.entries(service.environment ?? {}).some(
    ([key, value]) => key.endsWith('PORT') && value === asked,
  );
  return asked === undefined || listens ? [] : [`its health check asks port ${asked}, where it does not listen`];
}

/** Every `host:port` in the environment names a service, or this container itself. */
function hostProblems(service: ComposeService, compose: Compose): string[] {
  return Object.entries(service.environment ?? {}).flatMap(([name, value]) => {
    const address = /^(?:\w+:\/\/)?(?:[^@/]*@)?([a-z][a-z-]*):\d+/.exec(value)?.[1];
    return address === undefined || address in compose.services
      ? []
      : [`${name} names the host ${address}, no service`];
  });
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
