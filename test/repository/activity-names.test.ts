import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { createActivities } from '../../activities/index.js';
import { PROJECT_ROOT } from './scratch-project.js';

/** Stands for any dependency: the factories only keep what they are given. */
function anything(): never {
  const stub: unknown = new Proxy(() => undefined, { get: (_target, key) => (key === 'then' ? undefined : stub) });
  return stub as never;
}

/** Finds every exported `create…Activities` of the activities folder and lists the names that each brings. */
async function groups(): Promise<Map<string, string[]>> {
  const folder = path.join(PROJECT_ROOT, 'activities');
  const found = new Map<string, string[]>();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts') && name !== 'index.ts')) {
    for (const [, factory = ''] of readFileSync(path.join(folder, file), 'utf8').matchAll(
      /export function (create\w+Activities)\b/g,
    )) {
      const module = (await import(pathToFileURL(path.join(folder, file)).href)) as Record<
        string,
        (deps: never) => object
      >;
      found.set(factory, Object.keys(module[factory]?.(anything()) ?? {}));
    }
  }
  return found;
}

it('gives every activity a name of its own: the groups share one namespace', async () => {
  const perGroup = await groups();
  const all = [...perGroup.values()].flat();
  assert.ok(perGroup.size >= 2, 'no groups were found');
  assert.deepEqual(
    all.filter((name, index) => all.indexOf(name) !== index),
    [],
    'these names are in two groups: the later one hides the earlier',
  );
  assert.deepEqual(Object.keys(createActivities(anything())).sort(), all.sort());
});
