import assert from 'node:assert/strict';
import { appendFileSync, cpSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { bundleWorkflowCode } from '@temporalio/worker';
import { PROJECT_ROOT, scratchProject } from './scratch-project.js';

/** What Temporal's own workflow library brings along. */
const EXPECTED_PACKAGES = ['@temporalio/common', '@temporalio/workflow', 'long', 'ms', 'nexus-rpc'];

/** Copies workflows and what they import, adds a line to the workflow's file, bundles the copy as a worker would, and lists what went in. */
async function contentsWith(t: TestContext, line: string): Promise<string[]> {
  const root = scratchProject(t);
  for (const folder of ['workflows', 'contracts']) {
    cpSync(path.join(PROJECT_ROOT, folder), path.join(root, folder), { recursive: true });
  }
  appendFileSync(path.join(root, 'workflows/lifecycle.ts'), `\n${line}\n`);
  const said: string[] = [];
  const keep = (message: unknown): void => {
    said.push(String(message));
  };
  const logger = { log: keep, trace: keep, debug: keep, info: keep, warn: keep, error: keep };
  try {
    const { code } = await bundleWorkflowCode({ workflowsPath: path.join(root, 'workflows'), logger });
    assert.match(code, /lifecycleWorkflow/);
    return contentsOf(code);
  } catch (error) {
    throw new Error(said.join('\n'), { cause: error });
  }
}

/** Folders of ours and packages, from the source map at the bundle's end. */
function contentsOf(code: string): string[] {
  const map = /sourceMappingURL=data:application\/json;[^,]*base64,(\S+)/.exec(code)?.[1] ?? '';
  const { sources } = JSON.parse(Buffer.from(map, 'base64').toString('utf8')) as { sources: string[] };
  const places = sources.filter(path.isAbsolute).map((source) => {
    const parts = source.split('node_modules/');
    const inside = parts.length > 1 ? parts.at(-1)?.match(/^(?:@[^/]+\/)?[^/]+/)?.[0] : undefined;
    return inside ?? path.basename(path.dirname(source));
  });
  return [...new Set(places)].filter((place) => !place.startsWith('repository-check-')).sort();
}

describe('the bundle of the workflows', () => {
  it('is made of workflows/ and contracts/ alone', async (t) => {
    const contents = await contentsWith(t, 'export const control = 1;');
    assert.deepEqual(
      contents.filter((place) => !EXPECTED_PACKAGES.includes(place)),
      ['contracts', 'workflows'],
    );
  });

  for (const forbidden of ['node:fs', 'node:crypto']) {
    it(`is refused with ${forbidden} in it`, async (t) => {
      const line = `import * as outside from '${forbidden}';\nvoid outside.default;`;
      await assert.rejects(contentsWith(t, line), new RegExp(`^\\s*${forbidden} .*\\[1 error\\]`, 'm'));
    });
  }

  it('shows a package that does not belong there', async (t) => {
    const line = "import { pino } from 'pino';\nvoid pino;";
    assert.ok((await contentsWith(t, line)).includes('pino'));
  });
});
