import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

/** Folder of the workflows: the same relative place in the source and in the build. */
const WORKFLOWS_PATH = fileURLToPath(new URL('../workflows', import.meta.url));

/** Bundles the workflows for the worker's sandbox. Throws when they import something that may not run there. */
export async function buildWorkflowBundle(): Promise<{ code: string }> {
  return await bundleWorkflowCode({
    workflowsPath: WORKFLOWS_PATH,
    preloadModules: [join(WORKFLOWS_PATH, 'stack-depth')],
    logger: silentLogger(),
  });
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
