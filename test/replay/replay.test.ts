import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DeterminismViolationError } from '@temporalio/workflow';
import { Worker } from '@temporalio/worker';
import { quietRuntime, testWorkflowBundle } from '../support/temporal.js';
import { REPLAY_CASES } from './cases.js';

const FOLDER = fileURLToPath(new URL('./histories/', import.meta.url));

interface RecordedHistory {
  events: { eventType: string; activityTaskScheduledEventAttributes?: { activityType: { name: string } } }[];
}

function recorded(name: string): RecordedHistory {
  return JSON.parse(readFileSync(`${FOLDER}${name}.json`, 'utf8')) as RecordedHistory;
}

async function replay(history: RecordedHistory): Promise<void> {
  quietRuntime();
  await Worker.runReplayHistory({ workflowBundle: testWorkflowBundle() }, history, 'app-1/account-1');
}

describe('runs recorded by earlier builds', () => {
  it('are one for each case', () => {
    const names = readdirSync(FOLDER).map((file) => file.replace(/\.json$/, ''));
    assert.deepEqual(names.sort(), Object.keys(REPLAY_CASES).sort());
  });

  for (const name of Object.keys(REPLAY_CASES)) {
    it(`replay: ${name}`, async () => {
      await replay(recorded(name));
    });
  }

  it('do not replay when a step was another one', async () => {
    const history = recorded('expired-and-undone');
    const scheduled = history.events.find((event) => event.activityTaskScheduledEventAttributes !== undefined);
    assert.ok(scheduled?.activityTaskScheduledEventAttributes);
    scheduled.activityTaskScheduledEventAttributes.activityType.name = 'anotherActivity';
    await assert.rejects(replay(history), DeterminismViolationError);
  });
});
