import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createControl, type SimulatorControl } from './simulator-control.js';

export type * from './simulator-types.js';

export interface RunningSimulator {
  /** Where its first region listens, without a slash at its end; also its public base unless `SIMULATOR_BASE_URL` says otherwise. */
  url: string;
  /** Every region's listener by the region's name, the first one's `url` among them. */
  regions: Record<string, string>;
  control: SimulatorControl;
  /** Ends the child in order and resolves with its exit code. Further calls give the same answer. */
  stop(): Promise<number | null>;
}

/**
 * Starts the simulator as a child process on a free port. The child ends by itself when this process goes away.
 * @param options.env further settings, e.g. `SIMULATOR_BASE_URL`
 * @throws Error with the child's last words when it ends before it listens
 */
export async function startSimulator(options: { env?: Record<string, string> } = {}): Promise<RunningSimulator> {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', 'simulator/main.ts'], {
    cwd: root,
    env: { ...process.env, SIMULATOR_PORT: '0', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let lastWords = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    lastWords = (lastWords + chunk.toString()).slice(-4000);
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const first = await Promise.race([
    once(lines, 'line') as Promise<[string]>,
    exited.then(([code]) => {
      throw new Error(`The simulator ended with ${code} before it listened: ${lastWords}`);
    }),
  ]);
  const { listening, regions } = JSON.parse(first[0]) as { listening: string; regions: Record<string, string> };
  // A test that fails before it stops the simulator must still be able to end; the child follows the closed channel.
  child.unref();
  child.channel?.unref();
  for (const stream of [child.stdout, child.stderr]) (stream as unknown as { unref?: () => void } | null)?.unref?.();

  return {
    url: listening,
    regions,
    control: createControl(listening),
    async stop() {
      child.ref();
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      const [code] = await exited;
      lines.close();
      return code;
    },
  };
}
