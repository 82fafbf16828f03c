/** The service as a process of its own that can be told, over IPC, to end itself at a call of a port. */
import { loadConfig } from '../../../config/index.js';
import { createLogger } from '../../../config/logger.js';
import { startService } from '../../../service/start.js';
import type { FromChild, ToChild } from './messages.js';
import { type CrashPoint, watchingPorts } from './points.js';

const config = loadConfig(process.env);
const log = createLogger({ level: config.logLevel });
const tell = (message: FromChild) => process.send?.(message);

let armed: CrashPoint | null = null;
let seen: CrashPoint[] | null = null;
let counts = new Map<string, number>();

function moment(call: string, when: 'before' | 'after'): void {
  if (armed === null && seen === null) return;
  const key = `${when} ${call}`;
  const occurrence = (counts.get(key) ?? 0) + 1;
  counts.set(key, occurrence);
  seen?.push({ call, occurrence, when });
  if (armed?.call === call && armed.when === when && armed.occurrence === occurrence) {
    // As `kill -9`: nothing of the process runs after this line.
    process.kill(process.pid, 'SIGKILL');
  }
}

process.on('message', (message: ToChild) => {
  counts = new Map();
  armed = message.do === 'crash' ? message.at : null;
  if (message.do === 'report') tell({ said: 'calls', calls: seen ?? [] });
  seen = message.do === 'record' ? [] : null;
  if (message.do !== 'report') tell({ said: 'ready' });
});
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

const service = await startService(config, { log, around: watchingPorts(moment) });
service.done.catch((error: unknown) => {
  log.fatal(error, 'the worker ended');
  process.exit(1);
});
await service.working;
tell({ said: 'working', ingressUrl: service.ingressUrl });
