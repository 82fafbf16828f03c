import type { ErrorRequestHandler } from 'express';
import type { Logger } from 'pino';
import { sendAnswer } from './answer.js';

/** The sentence of an error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Ends a request whose handler failed: the caller sees a bare 500, the log has the reason and the request id. A path that cannot be
 * decoded is the caller's mistake and leads nowhere: 404.
 */
export function createErrorHandler(log: Logger): ErrorRequestHandler {
  return (error, req, res, _next) => {
    if (error instanceof URIError) return sendAnswer(req, res, { status: 404 });
    log.error({ requestId: res.locals['requestId'], reason: messageOf(error) }, 'request failed');
    if (res.headersSent) res.destroy();
    else sendAnswer(req, res, { status: 500 });
  };
}
