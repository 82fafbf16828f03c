import { setCurrentDetails } from '@temporalio/workflow';
import type { RequestRotationInput } from '../contracts/messages.js';
import { durable, durableOptions } from './proxies.js';

/** Asks Talkdesk for new credentials on our own initiative. They come as an event of their own (talkdesk-api.md 7.5). */
export async function requestRotationWorkflow(input: RequestRotationInput): Promise<void> {
  setCurrentDetails(`Asking Talkdesk for new credentials of installation \`${input.installationId}\`.`);
  const options = {
    ...durableOptions('requestRotation', 'Ask for new credentials'),
    scheduleToCloseTimeout: '1 day',
  } as const;
  await durable.requestRotation.executeWithOptions(options, [input]);
  setCurrentDetails('Talkdesk was asked. The new credentials come as an event `app.credentials_rotated`.');
}
