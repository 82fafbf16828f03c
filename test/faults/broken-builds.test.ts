import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { BROKEN_BUILDS, type BrokenBuild } from './support/broken-builds.js';
import { report } from './support/report.js';
import { copyTree, type TreeCopy } from './support/tree-copy.js';

/** Copies at work at a time: most of them start servers and a service. */
const AT_A_TIME = 2;

/** On a busy machine a test may fail of the machine before it comes to the mistake. */
const RUNS = 3;

/** A copy that goes with the test. */
async function copyFor(t: TestContext): Promise<TreeCopy> {
  const copy = await copyTree();
  t.after(() => copy.remove());
  return copy;
}

/** Breaks a copy, runs the test that is said to notice, and gives what its failure says. */
async function noticed(copy: TreeCopy, { edits, caughtBy, says }: BrokenBuild): Promise<string> {
  await copy.edit(edits);
  for (let left = RUNS; ; ) {
    left -= 1;
    const verdicts = await copy.run([caughtBy]);
    assert.deepEqual(
      verdicts.map(({ name, passed }) => [name, passed]),
      [[caughtBy.name, false]],
      'it did not fail, or not alone',
    );
    const [said] = says.exec(verdicts[0]?.failure ?? '') ?? [];
    if (said !== undefined) return said;
    assert.ok(left > 0, `it failed of something else: ${verdicts[0]?.failure}`);
  }
}

// That the tests pass where nothing is broken is what `npm test` sees.
describe('twelve broken builds', { concurrency: AT_A_TIME }, () => {
  it('are mistakes that the type checker lets pass', async (t) => {
    assert.equal(BROKEN_BUILDS.length, 12);
    const copy = await copyFor(t);
    for (const { edits } of BROKEN_BUILDS) await copy.edit(edits);
    assert.equal(await copy.typeErrors(), '');
  });

  for (const build of BROKEN_BUILDS) {
    it(`${build.name}: is noticed`, async (t) => {
      const said = await noticed(await copyFor(t), build);
      const { file, name } = build.caughtBy;
      report({
        group: 'broken build',
        name: build.name,
        hit: `${file}: “${name}” fails with “${said}”`,
        runs: 1,
        violations: 0,
      });
    });
  }
});
