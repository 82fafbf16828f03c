import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Client } from '@temporalio/client';
import { Client as Connection } from 'pg';
import { eventually } from '../support/eventually.js';
import { uniqueName } from '../support/temporal.js';
import { excess, type Holdings, holdingsOf } from './support/at-rest.js';
import { loggedSecrets, violations } from './support/invariants.js';
import { connectOperator } from './support/operator.js';
import { type SettledWorld, startSettledWorld } from './support/settled-world.js';
import { failingTasks, stuckTasks } from './support/temporal-at-rest.js';

/** temporal.api.enums.v1.CommandType */
const FAIL_WORKFLOW_EXECUTION = 5;
const POLL_LIMIT_MS = 10_000;
/** Connections that each pool of a process may keep (DATABASE_POOL_MAX). */
const POOL_MAX = 10;

let world: SettledWorld;
let operator: Client;
before(async () => {
  world = await startSettledWorld();
  operator = await connectOperator(world.surroundings);
});
after(async () => {
  await operator?.connection.close();
  await world?.stop();
});

describe('I6 is broken by a secret', () => {
  /** Of Talkdesk's, and the name that it has in sentences. */
  async function aSecret(): Promise<{ name: string; value: string }> {
    const [value] = await world.surroundings.simulator.control.secrets();
    assert.ok(value);
    return { name: 'secret 0', value };
  }

  for (const [table, column, encoding] of [
    ['installation', 'company_name', 'raw'],
    ['user_mapping', 'name', 'hex'],
    ['process', 'outcome_reason', 'raw'],
  ] as const) {
    it(`in the column ${column} of ${table}, ${encoding}`, async () => {
      const { name, value } = await aSecret();
      const written = encoding === 'raw' ? value : Buffer.from(value).toString('hex');
      const where = `account_id = '${world.updated.account_id}'`;
      await world.brokenInTables(table, `UPDATE ${table} SET ${column} = 'x${written}y' WHERE ${where}`, [
        `I6: ${name} (${encoding}) is in ${table}`,
      ]);
    });
  }

  it('in the log of a service', async () => {
    const { surroundings, service } = world;
    assert.deepEqual(await loggedSecrets(surroundings), []);
    const { name, value } = await aSecret();
    const kept = readFileSync(service.logFile);
    appendFileSync(service.logFile, `{"msg":"token ${value}"}\n`);
    try {
      assert.deepEqual(await loggedSecrets(surroundings), [`I6: ${name} (raw) is in service-1.log`]);
    } finally {
      writeFileSync(service.logFile, kept);
    }
  });
});

describe('I7 is broken by a process that', () => {
  /** What is found against what is said to have been before. */
  async function found(change: (now: Holdings) => Partial<Holdings>, poolMax = POOL_MAX): Promise<string[]> {
    const { surroundings, service } = world;
    const now = await holdingsOf(surroundings, service);
    return await excess(surroundings, [service], { ...now, ...change(now) }, poolMax);
  }

  it('holds nothing more than before: nothing is found', async () => {
    assert.deepEqual(await found(() => ({})), []);
  });

  it('has more handles', async () => {
    const [one, ...others] = await found(({ handles }) => ({ handles: handles - 100 }));
    assert.match(one ?? '', new RegExp(`^I7: process ${world.service.pid} has \\d+ handles, -?\\d+ before$`));
    assert.deepEqual(others, []);
  });

  it('has a larger heap', async () => {
    const [one, ...others] = await found(({ heapMb }) => ({ heapMb: heapMb - 1_000 }));
    assert.match(one ?? '', new RegExp(`^I7: process ${world.service.pid} holds \\d+ MB, -\\d+ MB before$`));
    assert.deepEqual(others, []);
  });

  it('has more connections than its pools', async () => {
    const [one, ...others] = await found(() => ({}), 0);
    assert.match(one ?? '', /^I7: [1-9]\d* connections to the database, 0 allowed$/);
    assert.deepEqual(others, []);
  });

  it('keeps a connection in a transaction', async () => {
    const connection = new Connection({ connectionString: world.surroundings.database.url });
    await connection.connect();
    try {
      await connection.query('BEGIN');
      await connection.query('SELECT 1 AS forgotten');
      assert.deepEqual(await found(() => ({})), ['I7: a connection is in a transaction after: SELECT 1 AS forgotten']);
    } finally {
      await connection.end();
    }
  });
});

describe('I8 is broken by a run', () => {
  const queue = () => world.surroundings.env['TEMPORAL_TASK_QUEUE'] as string;

  /** Answers the first workflow task of a queue as a worker does whose workflow throws. */
  async function failTheRunOf(taskQueue: string): Promise<void> {
    const { connection, workflowService, options } = operator;
    const { namespace } = options;
    const poll = () => workflowService.pollWorkflowTaskQueue({ namespace, taskQueue: { name: taskQueue } });
    const { taskToken } = await connection.withDeadline(Date.now() + POLL_LIMIT_MS, poll);
    const failWorkflowExecutionCommandAttributes = { failure: { message: 'thrown' } };
    await workflowService.respondWorkflowTaskCompleted({
      namespace,
      taskToken,
      commands: [{ commandType: FAIL_WORKFLOW_EXECUTION, failWorkflowExecutionCommandAttributes }],
    });
  }

  /** The same world, whose service would have this task queue, which no worker polls. */
  const withQueue = (taskQueue: string) => {
    const { surroundings } = world;
    return { ...surroundings, env: { ...surroundings.env, TEMPORAL_TASK_QUEUE: taskQueue } };
  };

  it('whose workflow task fails', async () => {
    const { surroundings } = world;
    const workflowId = uniqueName('unknown');
    const run = await operator.workflow.start('unknown', { workflowId, taskQueue: queue() });
    try {
      const failing = new RegExp(`^I8: the run of ${workflowId} has a failing workflow task, attempt \\d+: .*unknown`);
      await eventually('its task fails', async () =>
        (await failingTasks(surroundings)).some((one) => failing.test(one)),
      );
      const stuck = await stuckTasks(surroundings, 1_000);
      assert.equal(stuck.length, 1, stuck.join('\n'));
      assert.match(stuck[0] ?? '', failing);
    } finally {
      await run.terminate('the test is over');
    }
    assert.deepEqual(await stuckTasks(surroundings), []);
  });

  it('that has failed', async () => {
    const taskQueue = uniqueName('queue');
    const elsewhere = withQueue(taskQueue);
    const workflowId = uniqueName('failed');
    await operator.workflow.start('any', { workflowId, taskQueue });
    await failTheRunOf(taskQueue);
    await eventually('it is listed', async () => (await stuckTasks(elsewhere)).length > 0);
    assert.deepEqual(await violations(elsewhere), [`I8: a run of ${workflowId} has ended as FAILED`]);
  });

  it('that was cut off by a timeout', async () => {
    const taskQueue = uniqueName('queue');
    const elsewhere = withQueue(taskQueue);
    const workflowId = uniqueName('late');
    await operator.workflow.start('any', { workflowId, taskQueue, workflowExecutionTimeout: 1_000 });
    await eventually('it is listed', async () => (await stuckTasks(elsewhere)).length > 0);
    assert.deepEqual(await violations(elsewhere), [`I8: a run of ${workflowId} has ended as TIMED_OUT`]);
  });
});
