import type { IncomingMessage, ServerResponse } from 'node:http';

/** Why a body was not read: over the size limit, not complete in time, no memory left for it now, or the sender went away. */
export type BodyProblem = 'too-large' | 'too-slow' | 'busy' | 'aborted';

/** The body of a request was refused, or never arrived. */
export class BodyRefusedError extends Error {
  override readonly name = 'BodyRefusedError';

  constructor(readonly problem: BodyProblem) {
    super(`body not read: ${problem}`);
  }
}

/** Limits of reading a request's body. */
export interface BodyLimits {
  /** Largest body of one request, in bytes. */
  maxBytes: number;
  /** Longest time from the headers to the last byte, in milliseconds. */
  timeoutMs: number;
  /** Bytes held for all requests together; what comes on top is told to come again. */
  maxHeldBytes: number;
}

export interface BodyReader {
  /**
   * The request's bytes exactly as they arrived, whatever content type or encoding is claimed: they are what was signed. With
   * `keep: false` they are counted and dropped, and an empty buffer is given. Throws `BodyRefusedError`.
   */
  read(req: IncomingMessage, res: ServerResponse, options: { keep: boolean }): Promise<Buffer>;
}

/**
 * Reads bodies within limits. Not `express.raw`, which knows no total time limit, refuses or inflates encoded bodies, and would
 * let many slow senders hold a full-size buffer each.
 */
export function createBodyReader(limits: BodyLimits): BodyReader {
  let heldBytes = 0;
  return {
    async read(req, res, { keep }) {
      if (Number(req.headers['content-length']) > limits.maxBytes) throw new BodyRefusedError('too-large');
      return await new Promise<Buffer>((resolve, reject) => {
        const chunks: Buffer[] = [];
        let seenBytes = 0;
        let mineBytes = 0;
        const settle = (problem?: BodyProblem): void => {
          clearTimeout(timer);
          req.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
          if (problem === undefined) resolve(Buffer.concat(chunks));
          else reject(new BodyRefusedError(problem));
        };
        const onData = (chunk: Buffer): void => {
          seenBytes += chunk.length;
          if (seenBytes > limits.maxBytes) return settle('too-large');
          if (!keep) return;
          if (heldBytes + chunk.length > limits.maxHeldBytes) return settle('busy');
          heldBytes += chunk.length;
          mineBytes += chunk.length;
          chunks.push(chunk);
        };
        const onEnd = (): void => settle();
        const onClose = (): void => settle('aborted');
        const timer = setTimeout(() => settle('too-slow'), limits.timeoutMs);
        // Held until the answer is out: the bytes live on while the delivery is verified and stored.
        res.once('close', () => {
          heldBytes -= mineBytes;
        });
        req.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
      });
    },
  };
}
