import { loadConfig, settingsHelp } from '../config/index.js';
import { runProcess } from '../config/run-process.js';
import { startApi } from './start.js';

const HELP = `Usage: npm run start:api

Receives Talkdesk's signed events and hands them to Temporal: POST /webhooks/talkdesk on HOST:PORT; /livez, /readyz and
/metrics on OPS_HOST:OPS_PORT. Any number of these processes may run beside each other. Ends on SIGTERM or SIGINT after the
requests under way; a second signal ends it at once.

Settings:
${settingsHelp()}`;

runProcess(HELP, () => startApi(loadConfig(process.env, { worker: false })));
