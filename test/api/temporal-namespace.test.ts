import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Client } from '@temporalio/client';
import { TemporalError } from '../../api/temporal-errors.js';
import { uniqueName } from '../support/temporal.js';
import { connectStarter, newItem } from './support/starters.js';

const { connection, client, starter, starterWith } = await connectStarter();

async function newNamespace(): Promise<string> {
  const namespace = uniqueName('api-test');
  const { config } = await connection.workflowService.describeNamespace({ namespace: 'default' });
  const retention = config?.workflowExecutionRetentionTtl;
  assert.ok(retention);
  await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: retention });
  return namespace;
}

async function attributesOf(namespace: string): Promise<Record<string, unknown>> {
  const answer = await connection.operatorService.listSearchAttributes({ namespace });
  return answer.customAttributes ?? {};
}

describe('the starter', () => {
  it('knows the namespace by its id', async () => {
    const { namespaceInfo } = await client.workflowService.describeNamespace({ namespace: 'default' });
    assert.match(namespaceInfo?.id ?? '', /^[0-9a-f-]{36}$/);
    assert.equal(await starter.namespaceId(), namespaceInfo?.id);
  });

  it('registers the search attribute in a namespace that lacks it', async () => {
    const namespace = await newNamespace();
    const elsewhere = new Client({ connection, namespace });
    const there = starterWith(elsewhere, namespace);
    assert.equal((await attributesOf(namespace))['InstallationId'], undefined);
    await there.ensureSearchAttributes();
    await there.ensureSearchAttributes();
    const keyword = 2;
    assert.equal((await attributesOf(namespace))['InstallationId'], keyword);
    const item = newItem();
    assert.equal(await there.startOrWake(item, { durableFirst: false }), 'started');
  });

  it('says in words how to get the search attribute right when it cannot', async () => {
    const namespace = await newNamespace();
    const int = 3;
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: { InstallationId: int } });
    const there = starterWith(new Client({ connection, namespace }), namespace);
    await assert.rejects(there.ensureSearchAttributes(), (error: unknown) => {
      assert.ok(error instanceof TemporalError);
      assert.equal(error.kind, 'refused');
      assert.match(error.message, /InstallationId of type Keyword/);
      assert.match(error.message, /exists with another type/);
      assert.match(
        error.message,
        /temporal operator search-attribute create --namespace \S+ --name InstallationId --type Keyword/,
      );
      return true;
    });
  });

  it('says that the namespace does not exist', async () => {
    const elsewhere = new Client({ connection, namespace: 'nowhere' });
    const lost = starterWith(elsewhere, 'nowhere');
    for (const attempt of [() => lost.startOrWake(newItem(), { durableFirst: false }), () => lost.namespaceId()]) {
      await assert.rejects(attempt, (error: unknown) => {
        assert.ok(error instanceof TemporalError, String(error));
        assert.equal(error.kind, 'refused');
        assert.match(error.message, /nowhere/);
        return true;
      });
    }
  });
});
