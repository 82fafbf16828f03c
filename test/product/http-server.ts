import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createProduct } from '../../product/http/adapter.js';
import type { Product } from '../../product/port.js';
import { SIGNING_SECRET } from './python-product.js';

/** A request as the product got it. */
export interface SeenRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What the product answers; a function writes the answer itself, or leaves the request hanging. */
export type Scripted =
  | { status: number; headers?: Record<string, string>; body?: unknown }
  | ((response: ServerResponse) => void);

/** A product over HTTP that says what a test wants. */
export interface ScriptedProduct {
  origin: string;
  seen: SeenRequest[];
  /** The next answers, in order; a request without one is answered 500. */
  script: Scripted[];
  /** The HTTP adapter for it; closed by `close`. */
  adapter(settings?: Record<string, string>): Product;
  /** Fails when an answer of the script was not asked for. */
  close(): Promise<void>;
}

/** Starts one on any free port. A body that is a text is sent as it is, anything else as JSON. */
export async function startScriptedProduct(now: () => Date): Promise<ScriptedProduct> {
  const seen: SeenRequest[] = [];
  const script: Scripted[] = [];
  const adapters: Product[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    seen.push({ method, path: url, headers, body: Buffer.concat(chunks).toString('utf8') });
    const next = script.shift() ?? { status: 500 };
    if (typeof next === 'function') return next(response);
    response.writeHead(next.status, next.headers);
    response.end(typeof next.body === 'string' ? next.body : JSON.stringify(next.body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const origin = `http://${host}`;
  return {
    origin,
    seen,
    script,
    adapter(settings = {}) {
      const adapter = createProduct({
        settings: { url: origin, signingSecret: SIGNING_SECRET, ...settings },
        now,
        insecureHosts: [host],
      });
      adapters.push(adapter);
      return adapter;
    },
    async close() {
      for (const adapter of adapters) await adapter.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      if (script.length > 0) throw new Error(`${script.length} answers of the script were not asked for`);
    },
  };
}
