import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RunningSimulator, Verdict } from '../support/simulator.js';
import { appId, type Prepared, prepare, token } from './wire.js';

/** How the backend kept one rule towards one installation. */
export async function verdictOf(simulator: RunningSimulator, rule: string, installationId: string): Promise<Verdict> {
  const { rules } = await simulator.control.verdicts({ installation_id: installationId });
  const found = rules.find((verdict) => verdict.rule === rule);
  assert.ok(found, `there is no rule ${rule}`);
  return found;
}

/** The rule was seen and kept. */
export async function assertKept(simulator: RunningSimulator, rule: string, installationId: string): Promise<void> {
  const { status, broken } = await verdictOf(simulator, rule, installationId);
  assert.equal(status, 'kept', broken.map(({ what }) => what).join(' '));
}

/** The rule was broken once, in these words; gives the breach. */
export async function assertBroken(
  simulator: RunningSimulator,
  rule: string,
  installationId: string,
  what: RegExp,
): Promise<Verdict['broken'][number]> {
  const { status, broken } = await verdictOf(simulator, rule, installationId);
  assert.equal(status, 'broken');
  const [breach] = broken;
  assert.ok(breach !== undefined && broken.length === 1, `broken ${broken.length} times`);
  assert.match(breach.what, what);
  assert.equal(breach.installation_id, installationId);
  return breach;
}

/** A tiny backend's view of an installation: its token and its URL. */
export interface Conducted {
  id: string;
  prepared: Prepared;
  accessToken: string;
  url: string;
}

/** An installation that waits for its decision, with a token for it. */
export async function waiting(
  simulator: RunningSimulator,
  input: Parameters<typeof prepare>[1] = {},
): Promise<Conducted> {
  const prepared = await prepare(simulator, input);
  const { now } = await simulator.control.clock();
  const accessToken = await token(prepared, undefined, Date.parse(now));
  const url = `${simulator.url}/apps/${appId}/installations/${prepared.installation_id}`;
  return { id: prepared.installation_id, prepared, accessToken, url };
}

/** A partner that acknowledges each delivery only after so many ms. */
export async function startSlowPartner(delayMs: number) {
  const server = createServer((request, response) => {
    request.resume();
    setTimeout(() => response.writeHead(204).end(), delayMs);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
