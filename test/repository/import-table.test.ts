import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkImportTable } from '../../scripts/check-import-table.js';
import { IMPORT_TABLE } from '../../scripts/import-table.js';
import { scratchProject } from './scratch-project.js';

/** One line of code in one file, and the words with which it must be refused. */
type Refused = [file: string, code: string, says: string];

const REFUSED: Refused[] = [
  // contracts: nothing but definitions, and code that runs in the workflow sandbox
  ['contracts/x.ts', "import { a } from '../config/a.js';", 'contracts/ may import own files only'],
  ['contracts/x.ts', "import type { A } from '../store/types.js';", 'contracts/ may import own files only'],
  ['contracts/x.ts', "import { z } from 'zod';", 'the package zod: not for contracts/'],
  ['contracts/x.ts', "import { createHash } from 'node:crypto';", "Node's node:crypto"],
  ['contracts/x.ts', "import path from 'path';", "Node's path"],
  ['contracts/x.ts', "import { sleep } from '@temporalio/workflow';", 'imports sleep from @temporalio/workflow'],
  ['contracts/x.ts', "import * as wf from '@temporalio/workflow';", 'imports * from @temporalio/workflow'],
  ['contracts/x.ts', "import { Duration } from '@temporalio/common';", 'the package @temporalio/common'],
  // workflows: deterministic code, activities by type only
  ['workflows/x.ts', "import { createActivities } from '../activities/index.js';", 'activities/index by value'],
  ['workflows/x.ts', "import { type Activities } from '../activities/index.js';", 'activities/index by value'],
  ['workflows/x.ts', "export { createActivities } from '../activities/index.js';", 'activities/index by value'],
  ['workflows/x.ts', "const late = await import('../activities/index.js');", 'activities/index by value'],
  ['workflows/x.ts', "import { a } from '../workflows/../activities/a.js';", 'activities/a by value'],
  ['workflows/x.ts', "import { readFileSync } from 'node:fs';", "Node's node:fs"],
  ['workflows/x.ts', "import { z } from 'zod';", 'the package zod'],
  ['workflows/x.ts', "import pino from 'pino';", 'the package pino'],
  ['workflows/x.ts', "import { loadConfig } from '../config/index.js';", 'workflows/ may import contracts'],
  ['workflows/x.ts', "import { Client } from '@temporalio/client';", 'the package @temporalio/client'],
  ['workflows/x.ts', "import { ActivityCancellationType } from '@temporalio/common';", 'ActivityCancellationType'],
  ['workflows/x.ts', "import type { Store } from '../store/types.js';", 'workflows/ may import contracts'],
  ['workflows/state.ts', "import { sleep } from '@temporalio/workflow';", 'the transition table is pure'],
  // activities: ports, never their implementations
  ['activities/x.ts', "import { runInstall } from '../workflows/install.js';", 'imports workflows/install'],
  ['activities/x.ts', "import type { A } from '../api/app.js';", 'imports api/app'],
  ['activities/x.ts', "import express from 'express';", 'the package express'],
  ['activities/x.ts', "import { createStore } from '../store/index.js';", 'store/index by value'],
  ['activities/x.ts', "import { createTalkdeskClient } from '../talkdesk/client.js';", 'talkdesk/client by value'],
  ['activities/x.ts', "import { loadProduct } from '../product/load.js';", 'product/load by value'],
  ['activities/x.ts', "import type { Process } from '../store/generated/client.js';", 'only store, test/store may'],
  [
    'activities/x.ts',
    "import { PrismaClient } from '@prisma/client';",
    'imports @prisma/client: only store, test/store',
  ],
  ['activities/x.ts', "import type { Prisma } from '@prisma/client';", 'the package @prisma/client'],
  ['activities/x.ts', 'const level = process.env.LEVEL;', 'reads the environment'],
  ['activities/x.ts', "const level = process['env'];", 'reads the environment'],
  ['activities/x.ts', 'const { env } = process;', 'reads the environment'],
  ['activities/x.ts', 'const level = globalThis.process.env;', 'reads the environment'],
  ['activities/x.ts', "import { env } from 'node:process';", 'imports node:process'],
  ['activities/x.ts', "import { Worker } from '@temporalio/worker';", 'the package @temporalio/worker'],
  // talkdesk, product, store: own files and plain options
  ['talkdesk/x.ts', "import { log } from '@temporalio/activity';", 'the package @temporalio/activity'],
  ['talkdesk/x.ts', "import type { Duration } from '@temporalio/common';", 'the package @temporalio/common'],
  ['talkdesk/x.ts', "import express from 'express';", 'the package express'],
  ['talkdesk/x.ts', "import { loadConfig } from '../config/index.js';", 'talkdesk/ may import own files only'],
  ['talkdesk/x.ts', "import type { Clock } from '../contracts/clock.js';", 'talkdesk/ may import own files only'],
  ['talkdesk/x.ts', 'const level = process.env.LEVEL;', 'reads the environment'],
  ['product/x.ts', "import { log } from '@temporalio/activity';", 'the package @temporalio/activity'],
  ['product/x.ts', "import type { Request } from 'express';", 'the package express'],
  ['product/x.ts', "import type { Store } from '../store/types.js';", 'product/ may import own files only'],
  ['product/sample/x.ts', "import type { Config } from '../../config/index.js';", 'product/ may import own files only'],
  ['product/x.ts', "import { PrismaClient } from '@prisma/client';", 'imports @prisma/client: only store, test/store'],
  ['store/x.ts', "import { Client } from '@temporalio/client';", 'the package @temporalio/client'],
  ['store/x.ts', "import express from 'express';", 'the package express'],
  ['store/x.ts', "import { loadConfig } from '../config/index.js';", 'store/ may import own files only'],
  ['store/x.ts', "import type { A } from '../talkdesk/types.js';", 'store/ may import own files only'],
  // api: hands over, never works
  ['api/x.ts', "import { createActivities } from '../activities/index.js';", 'imports activities/index'],
  ['api/x.ts', "import type { Activities } from '../activities/index.js';", 'imports activities/index'],
  ['api/x.ts', "import { createWorker } from '../worker/create-worker.js';", 'imports worker/create-worker'],
  ['api/x.ts', "import { lifecycleWorkflow } from '../workflows/index.js';", 'workflows/index by value'],
  ['api/x.ts', "import { createTalkdeskClient } from '../talkdesk/client.js';", 'imports talkdesk/client'],
  ['api/x.ts', "import type { Product } from '../product/port.js';", 'imports product/port'],
  ['api/x.ts', "import { Client } from '@temporalio/client';", 'api/temporal.ts alone talks to Temporal'],
  ['api/clock-route.ts', "import { Client } from '@temporalio/client';", 'api/temporal.ts alone talks to Temporal'],
  ['api/temporal.ts', "import { NativeConnection } from '@temporalio/worker';", 'the package @temporalio/worker'],
  ['api/x.ts', 'const level = process.env.LEVEL;', 'reads the environment'],
  // worker, service, local
  ['worker/x.ts', "import { createApp } from '../api/app.js';", 'imports api/app'],
  ['worker/x.ts', "import { startService } from '../service/start.js';", 'imports service/start'],
  ['worker/x.ts', "import type { A } from '../local/children.js';", 'imports local/children'],
  ['worker/x.ts', "import { a } from '../simulator/world.js';", 'imports simulator/world'],
  ['service/x.ts', "import { a } from '../simulator/world.js';", 'imports simulator/world'],
  ['service/x.ts', "import { a } from '../local/children.js';", 'imports local/children'],
  ['service/x.ts', "import { createActivities } from '../activities/index.js';", 'imports activities/index'],
  ['local/x.ts', "import { a } from '../simulator/world.js';", 'imports simulator/world'],
  ['local/x.ts', "import { createWorker } from '../worker/create-worker.js';", 'imports worker/create-worker'],
  ['local/x.ts', "import { createProduct } from '../product/sample/adapter.js';", 'imports product/sample/adapter'],
  ['local/x.ts', 'const level = process.env.LEVEL;', 'reads the environment'],
  // ops: talks to Temporal, and to nothing else
  ['ops/x.ts', "import { createStore } from '../store/index.js';", 'imports store/index'],
  ['ops/x.ts', "import { createLifecycleStarter } from '../api/temporal.js';", 'imports api/temporal'],
  ['ops/x.ts', "import { lifecycleWorkflow } from '../workflows/index.js';", 'workflows/index by value'],
  ['ops/x.ts', "import { Worker } from '@temporalio/worker';", 'the package @temporalio/worker'],
  ['ops/x.ts', 'const level = process.env.LEVEL;', 'reads the environment'],
  // simulator and config: own files only
  ['simulator/x.ts', "import type { EventRef } from '../contracts/events.js';", 'simulator/ may import own files only'],
  ['simulator/x.ts', "import { a } from '../talkdesk/schemas.js';", 'simulator/ may import own files only'],
  ['simulator/x.ts', "import { a } from '../test/support/simulator.js';", 'simulator/ may import own files only'],
  ['simulator/x.ts', "import { Client } from '@temporalio/client';", 'the package @temporalio/client'],
  ['config/x.ts', "import { SHIPPED_REGIONS } from '../talkdesk/regions.js';", 'config/ may import own files only'],
  ['config/x.ts', "import type { Clock } from '../contracts/clock.js';", 'config/ may import own files only'],
  ['config/x.ts', "import express from 'express';", 'the package express'],
  ['config/x.ts', "import { Connection } from '@temporalio/client';", 'the package @temporalio/client'],
  // the rest
  ['prisma/x.ts', "import { loadConfig } from '../config/index.js';", 'prisma/ may import store'],
  ['examples/x.ts', "import { createStore } from '../store/index.js';", 'examples/ may import product'],
  ['scripts/x.ts', "import { createStore } from '../store/index.js';", 'scripts/ may import own files only'],
  ['test/support/x.ts', "import { createWorld } from '../../simulator/world.js';", 'imports simulator/world'],
  ['test/api/x.test.ts', "import type { World } from '../../simulator/world.js';", 'imports simulator/world'],
  [
    'test/api/x.test.ts',
    "import { PrismaClient } from '../../store/generated/client.js';",
    'only store, test/store may',
  ],
  ['billing/x.ts', 'export const one = 1;', 'the folder billing/ has no row'],
  // however it is written
  ['talkdesk/x.ts', "type A = import('../config/index.js').Config;", 'imports config/index'],
  ['talkdesk/x.ts', "import old = require('../config/index.js');", 'imports config/index'],
  ['talkdesk/x.ts', "const old = require('../config/index.js');", 'imports config/index'],
  ['talkdesk/x.ts', "import '../config/index.js';", 'imports config/index'],
  ['talkdesk/x.ts', "export * from '../config/index.js';", 'imports config/index'],
  ['talkdesk/x.mjs', "import '../config/index.js';", 'imports config/index'],
  ['talkdesk/x.ts', "const name = 'a'; const late = await import(name);", 'a module whose name is computed'],
  ['talkdesk/x.ts', "import { a } from '/opt/config/index.js';", 'by a relative path'],
  ['talkdesk/x.ts', "import { a } from '../../elsewhere/index.js';", 'outside the project'],
  ['worker/x.ts', "import { parse } from 'yaml';", 'which is a development dependency'],
];

const ALLOWED: [file: string, code: string][] = [
  ['contracts/x.ts', "import { defineSignal } from '@temporalio/workflow';"],
  ['contracts/x.ts', "import type { Duration } from '@temporalio/common';"],
  ['contracts/x.ts', "import type { EventRef } from './events.js';"],
  ['workflows/x.ts', "import type { Activities } from '../activities/index.js';"],
  ['workflows/x.ts', "import { sleep } from '@temporalio/workflow';"],
  ['workflows/x.ts', "import { FAILURE_TYPES } from '../contracts/failures.js';"],
  ['workflows/state.ts', "import type { EventRef } from '../contracts/events.js';"],
  ['activities/x.ts', "import { log } from '@temporalio/activity';"],
  ['activities/x.ts', "import type { Store } from '../store/types.js';"],
  ['activities/x.ts', "import { TalkdeskError } from '../talkdesk/errors.js';"],
  ['activities/x.ts', 'const kind = process.kind; const pid = process.pid;'],
  ['talkdesk/x.ts', "import got from 'got';"],
  ['talkdesk/x.ts', "import { createHash } from 'node:crypto';"],
  ['talkdesk/deep/x.ts', "import { TalkdeskError } from '../errors.js';"],
  ['product/load.ts', "const name = 'a'; const late = await import(name);"],
  ['product/sample/x.ts', "import { Pool } from 'pg';"],
  ['store/x.ts', "import { PrismaClient } from './generated/client.js';"],
  ['test/store/x.test.ts', "import { PrismaClient } from '../../store/generated/client.js';"],
  ['store/x.ts', "import { PrismaPg } from '@prisma/adapter-pg';"],
  ['api/temporal.ts', "import { Client } from '@temporalio/client';"],
  ['api/x.ts', "import type { lifecycleWorkflow } from '../workflows/index.js';"],
  ['api/x.ts', "import { createStore } from '../store/index.js';"],
  ['worker/x.ts', "import { createActivities } from '../activities/index.js';"],
  ['service/x.ts', "import { startApi } from '../api/start.js';"],
  ['local/x.ts', "import { startService } from '../service/start.js';"],
  ['local/main.ts', 'const level = process.env.LEVEL;'],
  ['api/main.ts', 'const environment = process.env;'],
  ['api/temporal-errors.ts', "import { WorkflowNotFoundError } from '@temporalio/client';"],
  ['api/temporal-time.ts', "import { WorkflowNotFoundError } from '@temporalio/client';"],
  ['config/x.ts', 'const level = process.env.LEVEL;'],
  ['simulator/x.ts', "import express from 'express';"],
  ['test/x.test.ts', "import { startService } from '../service/start.js';"],
  ['worker/x.ts', "import type { Document } from 'yaml';"],
];

const MANIFEST = '{ "type": "module", "devDependencies": { "yaml": "^2.0.0" } }\n';

describe('the import table', () => {
  for (const [file, code, says] of REFUSED) {
    it(`refuses in ${file}: ${code}`, (t) => {
      const root = scratchProject(t, { 'package.json': MANIFEST, [file]: `export const before = 1;\n${code}\n` });
      const problems = checkImportTable(root);
      const line = says.startsWith('the folder') ? 1 : 2;
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.ok(problems[0]?.startsWith(`${file}:${line}  `), problems[0]);
      assert.ok(problems[0]?.includes(says), problems[0]);
    });
  }

  for (const [file, code] of ALLOWED) {
    it(`allows in ${file}: ${code}`, (t) => {
      const root = scratchProject(t, { 'package.json': MANIFEST, [file]: `export const before = 1;\n${code}\n` });
      assert.deepEqual(checkImportTable(root), []);
    });
  }

  it('has every row shown red by a case above', () => {
    const shown = new Set(REFUSED.map(([file]) => file.slice(0, file.indexOf('/'))));
    assert.deepEqual(
      Object.keys(IMPORT_TABLE).filter((folder) => !shown.has(folder)),
      [],
    );
  });

  it('reports a file that does not parse instead of passing over it', (t) => {
    const root = scratchProject(t, { 'talkdesk/broken.ts': 'export const = 1;\n' });
    assert.throws(() => checkImportTable(root), /talkdesk\/broken\.ts does not parse/);
  });
});
