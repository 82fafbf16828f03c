import { loadConfig } from '../config/index.js';
import { runProcess } from '../config/run-process.js';
import { startService } from './start.js';

const HELP = `Usage: npm run start:service

Ingress and worker in one process, against the PostgreSQL and Temporal named in the environment (see .env.example): POST
/webhooks/talkdesk on HOST:PORT; /livez, /readyz and /metrics on OPS_HOST:OPS_PORT. Ends on SIGTERM or SIGINT: the ingress first,
then the worker; a second signal ends it at once.`;

runProcess(HELP, () => startService(loadConfig(process.env)));
