import { loadConfig } from '../config/index.js';
import { runProcess } from '../config/run-process.js';
import { startWorker } from './start.js';

const HELP = `Usage: npm run start:worker

Runs the lifecycle workflows and their activities: reads from Talkdesk, provisions the product, posts approve or reject. Waits while
Temporal is away. Any number of these processes may run beside each other. Settings come from the environment, see .env.example.
Ends on SIGTERM or SIGINT after the attempts under way; a second signal ends it at once.`;

runProcess(HELP, async () => {
  const waiting = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => waiting.abort());
  return await startWorker(loadConfig(process.env, { ingress: false }), { signal: waiting.signal });
});
