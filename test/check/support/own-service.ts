import assert from 'node:assert/strict';
import { freePort } from '../../../local/ports.js';
import { type ServiceProcess, startServiceProcess } from '../../support/service.js';
import { createSurroundings, type Surroundings } from '../../support/stack.js';
import { fromRunner } from '../../support/temporal.js';
import { runCheck } from './check.js';

/** This project's service as a process of its own, with everything real around it. */
export interface OwnService {
  /** Where it takes the simulator's time, which it is told at each step of a jump. */
  clockUrl: string;
  /** Kills it with SIGKILL and starts it again on the same port. */
  restart(): Promise<void>;
  /** Runs `check` against it. Gives the names of the scenarios that passed; any other that was to be run fails the test. */
  check(words: string[]): Promise<string[]>;
  stop(): Promise<void>;
}

/** What a report says of a scenario, as far as it matters here. */
interface Seen {
  name: string;
  status: string;
  failure: unknown;
  reason: string | null;
}

export async function startOwnService(): Promise<OwnService> {
  const opsPort = await freePort();
  const clockUrl = `http://127.0.0.1:${opsPort}/dev/clock`;
  const surroundings: Surroundings = await createSurroundings({
    temporalAddress: fromRunner('TEST_TEMPORAL_ADDRESS'),
    env: { OPS_PORT: String(opsPort), DEVELOPMENT_CLOCK: '1' },
    simulatorEnv: { SIMULATOR_CLOCK_FOLLOWERS: clockUrl },
  });
  let service: ServiceProcess = await startServiceProcess(surroundings, 'service');
  // The same port again: the check knows one webhook.
  surroundings.env['PORT'] = new URL(service.ingressUrl).port;
  return {
    clockUrl,
    async restart() {
      await service.kill('SIGKILL');
      service = await startServiceProcess(surroundings, 'service');
    },
    async check(words) {
      const { code, stdout, stderr } = await runCheck([
        ...['--simulator', surroundings.simulator.url, '--app-id', surroundings.appId],
        ...['--webhook', `${service.ingressUrl}/webhooks/talkdesk`, '--format', 'json', ...words],
      ]);
      assert.notEqual(stdout, '', stderr);
      const { scenarios } = JSON.parse(stdout) as { scenarios: Seen[] };
      const run = scenarios.filter(({ reason }) => reason === null || !reason.startsWith('left out by'));
      const other = run.filter(({ status }) => status !== 'passed');
      assert.deepEqual(
        other.map(({ name, status, failure, reason }) => ({ name, status, failure, reason })),
        [],
        stderr,
      );
      assert.equal(code, 0);
      return run.map(({ name }) => name);
    },
    async stop() {
      await service.kill('SIGTERM');
      await surroundings.stop();
    },
  };
}
