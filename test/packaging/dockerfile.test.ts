import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dockerfileProblems } from './dockerfile-rules.js';
import { brokenCopy, PROJECT_ROOT } from './tree.js';

const BROKEN: { name: string; file?: string; from: string; to: string; says: string }[] = [
  {
    name: 'a copied path that is not in the tree',
    from: 'COPY prisma/migrations',
    to: 'COPY prisma/migration',
    says: 'COPY prisma/migration: not in the tree',
  },
  {
    name: 'a copied file that the context leaves out',
    file: '.dockerignore',
    from: '*.log',
    to: '.npmrc',
    says: 'COPY .npmrc: .dockerignore leaves it out (.npmrc)',
  },
  {
    name: 'a stage that does not exist',
    from: '--from=dependencies',
    to: '--from=packages',
    says: 'COPY --from=packages: no such stage before',
  },
  {
    name: 'a command without a source',
    from: 'CMD ["node", "dist/service/main.js"]',
    to: 'CMD ["node", "dist/service/run.js"]',
    says: 'CMD: dist/service/run.js has no source service/run.ts',
  },
  { name: 'an unknown setting', from: 'OPS_HOST=', to: 'OPS_ADDRESS=', says: 'ENV OPS_ADDRESS is no setting' },
  {
    name: 'a bundle where the build writes none',
    from: '/app/dist/workflow-bundle.js',
    to: '/app/dist/bundle.js',
    says: 'WORKFLOW_BUNDLE=/app/dist/bundle.js, but the build writes dist/workflow-bundle.js',
  },
  {
    name: 'a health check that is not served',
    from: '/livez',
    to: '/alive',
    says: 'HEALTHCHECK asks for /alive, not served',
  },
  { name: 'an image without glibc', from: 'node:24-bookworm-slim', to: 'node:24-alpine', says: 'needs glibc' },
  { name: 'an image without a version', from: 'node:24-bookworm-slim', to: 'node:latest', says: 'a version' },
  { name: 'root as its user', from: 'USER node', to: 'USER root', says: 'the image runs as root' },
  { name: 'no user', from: 'USER node\n', to: '', says: 'the image has no USER' },
];

describe('the Dockerfile', () => {
  it('fits the tree', () => {
    assert.deepEqual(dockerfileProblems(PROJECT_ROOT), []);
  });

  for (const { name, file = 'Dockerfile', from, to, says } of BROKEN) {
    it(`is refused with ${name}`, (t) => {
      const problems = dockerfileProblems(brokenCopy(t, [{ file, from, to }]));
      assert.ok(
        problems.some((problem) => problem.includes(says)),
        `said: ${problems.join('\n')}`,
      );
    });
  }
});
