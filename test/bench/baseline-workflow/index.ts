import { CancellationScope, proxyLocalActivities } from '@temporalio/workflow';

const { echo } = proxyLocalActivities<{ echo(text: string): Promise<string> }>({
  startToCloseTimeout: '2s',
  retry: { maximumAttempts: 1 },
});

/** The bare shape of a healthy install: four local activities inside one workflow task, under a seven-day scope. */
export async function baselineWorkflow(): Promise<string> {
  return await CancellationScope.withTimeout('7 days', async () => {
    let text = 'echo';
    for (let step = 0; step < 4; step += 1) text = await echo(text);
    return text;
  });
}
