import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type OwnService, startOwnService } from './support/own-service.js';

let service: OwnService;
let restarter: Server;

before(async () => {
  service = await startOwnService();
  restarter = createServer((_request, response) => {
    service.restart().then(
      () => response.end(),
      (error: Error) => response.writeHead(500).end(error.message),
    );
  });
  restarter.listen(0, '127.0.0.1');
  await once(restarter, 'listening');
});
after(async () => {
  restarter?.close();
  await service?.stop();
});

describe('`check` against this service, pressed', () => {
  it('passes under load, killed at a 2xx, and with an API that is down for most of seven days', async () => {
    const { port } = restarter.address() as AddressInfo;
    const ask = `fetch('http://127.0.0.1:${port}').then((answer) => process.exit(answer.ok ? 0 : 1))`;
    const passed = await service.check([
      ...['--only', 'acknowledgement-load,durable-acknowledgement,window'],
      ...['--restart', `"${process.execPath}" -e "${ask}"`, '--told-time', service.clockUrl, '--patience', '60'],
    ]);
    assert.deepEqual(passed, [
      'install-approved',
      'own-token-per-installation',
      'unknown-event',
      'acknowledgement-load',
      'durable-acknowledgement',
      'window',
    ]);
  });
});
