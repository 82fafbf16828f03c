import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

/** Folder of the workflows: the same relative place in the source and in the build. */
const WORKFLOWS_PATH = fileURLToPath(new URL('../workflows', import.meta.url));

/** This file: how a bundle is made. */
export const BUNDLER_SOURCE = fileURLToPath(import.meta.url);

/** A bundle, and what it depends on. */
export interface BuiltBundle {
  code: string;
  /** Files and folders that were read, absolute. */
  read: string[];
  /** Paths that were looked for and not there: a file at one of them would have been taken instead. */
  absent: string[];
}

/** Bundles the workflows for the worker's sandbox. Throws when they import something that may not run there. */
export async function buildWorkflowBundle(): Promise<BuiltBundle> {
  let read: string[] = [];
  let missed: string[] = [];
  const { code } = await bundleWorkflowCode({
    workflowsPath: WORKFLOWS_PATH,
    preloadModules: [join(WORKFLOWS_PATH, 'stack-depth')],
    logger: silentLogger(),
    webpackConfigHook: (config) => ({
      ...config,
      plugins: [
        ...(config.plugins ?? []),
        (compiler) => {
          compiler.hooks.done.tap('dependencies', ({ compilation }) => {
            read = [...compilation.fileDependencies];
            missed = [...compilation.missingDependencies];
          });
        },
      ],
    }),
  });
  // A folder that was tried as a file counts as missing to the bundler.
  return { code, read, absent: missed.filter((path) => !existsSync(path)) };
}

/** The bundler reports its progress at info level, on every start; only its errors matter, and those are thrown. */
function silentLogger() {
  const quiet = () => undefined;
  return { log: quiet, trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet };
}

/** Writes the bundle beside the built worker, or to the path given as the first argument. */
async function main(): Promise<void> {
  const target = process.argv[2] ?? fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
  const { code } = await buildWorkflowBundle();
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, code);
  process.stdout.write(`workflow bundle: ${Math.round(code.length / 1024)} kB\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
