import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Client, Connection, type ConnectionLike, type WorkflowService } from '@temporalio/client';
import { createRunReader } from '../../ops/run-reader.js';
import { eventually } from '../support/eventually.js';
import { connectTemporal, type TestTemporal, uniqueName } from '../support/temporal.js';

const LIMITS = { callMs: 10_000, allMs: 60_000, sayEveryMs: 60_000 };
const NOT_FOUND = 5;
const RESOURCE_EXHAUSTED = 8;
const UNAVAILABLE = 14;

function grpcError(code: number): Error {
  return Object.assign(new Error('as told'), { code, details: 'as told', metadata: {} });
}

describe('reading many runs', () => {
  let temporal: TestTemporal;
  let taskQueue: string;
  let ids: string[];
  const say = () => undefined;

  before(async () => {
    temporal = await connectTemporal();
    taskQueue = uniqueName('reader');
    ids = Array.from({ length: 3 }, () => uniqueName('run'));
    for (const workflowId of ids) await temporal.client.workflow.start('nothing', { workflowId, taskQueue });
    const reader = createRunReader({ client: temporal.client, limits: LIMITS, say });
    await eventually('all runs are listed', async () => (await reader.list(query())).length === ids.length);
  });
  after(async () => {
    for (const id of ids ?? []) await temporal.client.workflow.getHandle(id).terminate();
    await temporal?.close();
  });
  const query = () => `TaskQueue = '${taskQueue}'`;

  /** A client that lists one run a page, and of whose calls the first of each kind end so; what is left of those is yet to be called. */
  function clientWith(firsts: { list?: number[]; history?: number[] }): Client {
    const { connection } = temporal;
    const { list = [], history = [] } = firsts;
    const service = new Proxy(connection.workflowService, {
      get(target, name: keyof WorkflowService) {
        if (name === 'listWorkflowExecutions') {
          return async (request: object) => {
            const code = list.shift();
            if (code !== undefined) throw grpcError(code);
            return await target.listWorkflowExecutions({ ...request, pageSize: 1 });
          };
        }
        if (name === 'getWorkflowExecutionHistory') {
          return async (request: object) => {
            const code = history.shift();
            if (code !== undefined) throw grpcError(code);
            return await target.getWorkflowExecutionHistory(request);
          };
        }
        return target[name];
      },
    });
    const like = new Proxy(connection, {
      get: (target, name) => (name === 'workflowService' ? service : (Reflect.get(target, name, target) as unknown)),
    });
    return new Client({ connection: like as ConnectionLike, namespace: 'default' });
  }

  it('reads all pages, although the server is busy at times', async () => {
    const client = clientWith({ list: [UNAVAILABLE], history: [RESOURCE_EXHAUSTED, RESOURCE_EXHAUSTED] });
    const reader = createRunReader({ client, limits: LIMITS, say });
    const runs = await reader.list(query());
    assert.deepEqual(
      runs.map(({ workflowId, isOpen }) => ({ workflowId, isOpen })),
      ids.map((workflowId) => ({ workflowId, isOpen: true })),
    );
    const begun = await reader.histories(runs, ({ events }, run) => `${run.workflowId} ${events?.[0]?.eventId}`);
    assert.deepEqual(
      begun,
      ids.map((id) => `${id} 1`),
    );
  });

  it('says how far it is', async () => {
    const said: string[] = [];
    const reader = createRunReader({
      client: clientWith({}),
      limits: { ...LIMITS, sayEveryMs: 0 },
      say: (text) => void said.push(text),
    });
    await reader.histories(await reader.list(query()), () => null);
    // The last page may be an empty one.
    assert.deepEqual(
      [...new Set(said)],
      [
        ...['1 runs are found …', '2 runs are found …', '3 runs are found …'],
        ...['1 of 3 runs are read …', '2 of 3 runs are read …', '3 of 3 runs are read …'],
      ],
    );
  });

  it('leaves out a run that Temporal no longer keeps', async () => {
    const reader = createRunReader({ client: clientWith({ history: [NOT_FOUND] }), limits: LIMITS, say });
    const read = await reader.histories(await reader.list(query()), () => 'read');
    assert.deepEqual(read.toSorted(), [null, 'read', 'read'].toSorted());
  });

  it('says in words when it takes too long, and how far it came', async () => {
    const limits = { ...LIMITS, allMs: 3_000 };
    const busy = clientWith({ history: Array.from({ length: 100 }, () => UNAVAILABLE) });
    const reader = createRunReader({ client: busy, limits, say });
    const runs = await reader.list(query());
    await assert.rejects(
      reader.histories(runs, () => null),
      {
        name: 'OperatorError',
        message:
          'Not done within 0.05 min (3 runs are found), so nothing can be said. Run it nearer to Temporal, or while Temporal ' +
          'has less to do, and with a --since no earlier than the backup.',
      },
    );
  });

  it('says so, too, when the time ends while it waits for a busy server', async () => {
    const list = [UNAVAILABLE, UNAVAILABLE];
    const reader = createRunReader({ client: clientWith({ list }), limits: { ...LIMITS, allMs: 300 }, say });
    await assert.rejects(reader.list(query()), { name: 'OperatorError', message: /^Not done within / });
    assert.equal(list.length, 1, 'no call after that');
  });

  it('does not wait for ever for one answer', async () => {
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const connection = Connection.lazy({ address: `127.0.0.1:${port}`, interceptors: [] });
    try {
      const reader = createRunReader({
        client: new Client({ connection, namespace: 'default' }),
        limits: { ...LIMITS, callMs: 300 },
        say,
      });
      const startedMs = performance.now();
      await assert.rejects(reader.list(query()));
      assert.ok(performance.now() - startedMs < 10_000);
    } finally {
      await connection.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => silent.close(resolve));
    }
  });
});
