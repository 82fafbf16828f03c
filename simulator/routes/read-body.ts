import type { IncomingMessage } from 'node:http';

/** Longest body that is taken, in bytes; the contract's are below one kilobyte. */
const longest = 256 * 1024;

const empty = Buffer.alloc(0);

/** The whole body; the status of the refusal where it is too long or packed; null when it was cut off. */
export function readBody(request: IncomingMessage): Buffer | Promise<Buffer | { status: 413 | 415 } | null> {
  const { headers } = request;
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return empty;
  return new Promise((resolve) => {
    const encoding = headers['content-encoding']?.toLowerCase() ?? 'identity';
    if (encoding !== 'identity') return resolve({ status: 415 });
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > longest) {
        request.pause();
        resolve({ status: 413 });
      } else chunks.push(chunk);
    });
    request.on('end', () => resolve(chunks.length === 1 ? (chunks[0] ?? empty) : Buffer.concat(chunks)));
    request.on('close', () => resolve(null));
  });
}
