import type { Request, Response } from 'express';
import type { BodyProblem } from './read-body.js';

/** What a sender is told. The text is for the person reading the sender's log; it repeats nothing that was sent. */
export interface Answer {
  status: number;
  text?: string;
  headers?: Record<string, string>;
}

/** What `Retry-After` says, in seconds. Talkdesk has its own schedule (talkdesk-api.md 1.5). */
const RETRY_AFTER = { 'Retry-After': '60' };

/** Asks the sender for another attempt later. */
export function comeAgain(text: string): Answer {
  return { status: 503, text, headers: RETRY_AFTER };
}

/** The answer to a request whose body was not read. */
export const BODY_ANSWERS: Record<BodyProblem, Answer> = {
  'too-large': { status: 413, text: 'the body is larger than this endpoint takes' },
  'too-slow': { status: 408, text: 'the body was not complete in time' },
  busy: comeAgain('too much is being received now, come again'),
  aborted: { status: 400, text: 'the body was not complete' },
};

/** How long a sender that is still sending may go on after its answer, in milliseconds. */
const LINGER_MS = 2_000;

/**
 * Sends the answer. When the request has not arrived completely, the answer goes out at once but the connection is closed only
 * after the rest was read and dropped, for `LINGER_MS` at most: closing with unread bytes resets the connection, and the
 * sender may never see why.
 */
export function sendAnswer(req: Request, res: Response, answer: Answer): void {
  const text = answer.text === undefined ? '' : `${answer.text}\n`;
  res.status(answer.status);
  for (const [name, value] of Object.entries(answer.headers ?? {})) res.setHeader(name, value);
  res.setHeader('Content-Length', Buffer.byteLength(text));
  if (text !== '') res.setHeader('Content-Type', 'text/plain; charset=utf-8');
  if (req.complete || req.destroyed) {
    res.end(text);
    return;
  }
  res.setHeader('Connection', 'close');
  res.flushHeaders();
  if (text !== '') res.write(text);
  const timer = setTimeout(finish, LINGER_MS);
  function finish(): void {
    clearTimeout(timer);
    req.off('end', finish).off('close', finish);
    res.end();
  }
  req.once('end', finish).once('close', finish);
  req.resume();
}
