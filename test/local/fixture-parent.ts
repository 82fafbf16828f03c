/** Program for the tests: starts a child, prints its pid, holds the lock and waits to be killed. */
import { createChildren } from '../../local/children.js';
import { tryLock } from '../../local/lock.js';

const dataDir = String(process.argv[2]);
const say = (line: string) => process.stderr.write(`${line}\n`);
await tryLock(`${dataDir}/lock`);
const child = createChildren({ dataDir, say }).start({
  what: 'waiter',
  command: process.execPath,
  args: ['-e', 'setInterval(() => {}, 1000)'],
  env: {},
  stopSignal: 'SIGTERM',
  stopTimeoutMs: 1_000,
});
process.stdout.write(`${child.pid}\n`);
