import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request and its answer, as they went by. */
export interface Exchange {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  status: number;
  answerHeaders: IncomingHttpHeaders;
  answerBody: string;
}

/** Stands between the adapter and a product, changes nothing, and writes down what goes by. */
export interface RecordingProxy {
  url: string;
  exchanges: Exchange[];
  close(): Promise<void>;
}

/** Starts one on any free port. */
export async function startRecordingProxy(target: string): Promise<RecordingProxy> {
  const exchanges: Exchange[] = [];
  const server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request;
    const body = Buffer.concat(await request.toArray());
    const onward = forward(new URL(url, target), { method, headers }, async (answer) => {
      const content = Buffer.concat(await answer.toArray());
      const status = answer.statusCode ?? 0;
      exchanges.push({
        ...{ method, path: url, headers, body: body.toString('utf8') },
        ...{ status, answerHeaders: answer.headers, answerBody: content.toString('utf8') },
      });
      response.writeHead(status, answer.headers);
      response.end(content);
    });
    onward.on('error', () => response.destroy());
    // The product sees a call end when the adapter cuts it off.
    response.on('close', () => onward.destroy());
    onward.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exchanges,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
