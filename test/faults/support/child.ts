/**
 * The service as a process of its own that can be told, over IPC, to end itself at a call of a port. It stops as the service does, in
 * order on SIGTERM. FAULT_CACHED_WORKFLOWS: how many runs its worker keeps in memory.
 */
import { loadConfig } from '../../../config/index.js';
import { createLogger } from '../../../config/logger.js';
import { runProcess } from '../../../config/run-process.js';
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

const cached = process.env['FAULT_CACHED_WORKFLOWS'];

runProcess('', async () => {
  const service = await startService(config, {
    log,
    around: watchingPorts(moment),
    ...(cached === undefined ? {} : { maxCachedWorkflows: Number(cached) }),
  });
  void service.working.then(() => tell({ said: 'working', ingressUrl: service.ingressUrl, opsUrl: service.opsUrl }));
  return service;
});
