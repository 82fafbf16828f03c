import { after, afterEach } from 'node:test';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';

/**
 * A simulator for the tests of one file, ended after them. A test that changes a switch need not change it back.
 *
 * @returns it, and its switches as they are by themselves
 */
export async function startSwitched(): Promise<{ simulator: RunningSimulator; defaults: Record<string, unknown> }> {
  const simulator = await startSimulator();
  const defaults = await simulator.control.switches();
  afterEach(() => simulator.control.switches(defaults));
  after(() => simulator.stop());
  return { simulator, defaults };
}
