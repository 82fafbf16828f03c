import express, { type Express, type Response } from 'express';
import { createBook, type Entry } from './book.js';
import type { Clock } from './clock.js';
import { readEvent } from './event.js';
import type { Habits } from './habits.js';
import type { Journal } from './journal.js';
import { createKeyFinder } from './signature.js';
import { createTalkdesk } from './talkdesk.js';
import { createTokens } from './tokens.js';
import { createWorker } from './worker.js';

/** What a backend is made of. */
export interface BackendOptions {
  habits: Habits;
  journal: Journal;
  clock: Clock;
  /** Origins of the gateways and token services that links of events may lead to. */
  origins: readonly string[];
  windowMs: number;
  log: (line: string) => void;
}

/** The backend as an Express application; what the journal holds unfinished is taken up again at once. */
export function createBackend(options: BackendOptions): Express {
  const { habits, journal, clock, origins, log } = options;
  const book = createBook();
  const tokens = createTokens({ habits, clock });
  const worker = createWorker({ ...options, book, tokens, talkdesk: createTalkdesk({ habits, clock, tokens }) });
  const findKey = createKeyFinder(origins);
  /** When each event that was taken is on the disk. */
  const taken = new Map<string, Promise<void>>();

  for (const entry of journal.entries as Entry[]) {
    book.apply(entry);
    if ('event' in entry) taken.set(entry.event.id, Promise.resolve());
  }
  for (const installation of book.installations.values()) worker.wake(installation);

  async function keep(entry: Entry): Promise<void> {
    await journal.append(entry);
    const installation = book.apply(entry);
    if (installation !== undefined) worker.wake(installation);
  }

  async function take(body: string, acknowledge: () => void): Promise<void> {
    const event = readEvent(body);
    const links = event === null ? [] : [event.root, ...(event.tokenUrl === undefined ? [] : [event.tokenUrl])];
    if (event === null || !links.every((link) => origins.includes(originOf(link)))) {
      log(event === null ? 'An event cannot be read.' : `Event ${event.id} leads to an origin that is not configured.`);
      await journal.append({ unusable: body });
      return acknowledge();
    }
    if (habits.isRepeat(event.id, taken)) {
      // The first delivery of it may still be on its way to the disk.
      await taken.get(event.id);
      return acknowledge();
    }
    const kept = habits.take(() => keep({ task: book.nextTask(), event }), acknowledge);
    taken.set(event.id, kept);
    await kept.catch((error) => {
      taken.delete(event.id);
      throw error;
    });
  }

  const app = express();
  app.disable('x-powered-by');
  app.post('/webhook', express.raw({ type: () => true, limit: '1mb' }), async (request, response) => {
    const body: Buffer = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const text = body.toString('utf8');
    const verdict = await habits.verdict(
      {
        body,
        signature: request.header('x-hub-ecdsa-signature'),
        keyId: request.header('x-hub-ecdsa-signature-id'),
        createdAt: readEvent(text)?.createdAt,
      },
      findKey,
    );
    if (verdict !== 'authentic') {
      log(verdict === 'forged' ? 'A delivery is not signed by Talkdesk.' : 'Signature keys cannot be asked for.');
      response.status(verdict === 'forged' ? 401 : 503).end();
      return;
    }
    try {
      await take(text, () => void response.status(204).end());
    } catch (error) {
      log(`An event could not be written down: ${error instanceof Error ? error.message : 'unknown'}`);
      if (!response.headersSent) response.status(503).end();
    }
  });
  app.get('/health', (_request, response) => void response.json({ ok: true }));
  app.put('/time', express.json(), async (request, response) => {
    const nowMs = Date.parse(String(request.body?.now));
    if (Number.isNaN(nowMs)) return badTime(response);
    clock.tell(nowMs);
    await worker.idle();
    response.status(204).end();
  });
  return app;
}

function badTime(response: Response): void {
  response.status(400).json({ error: 'now must be an ISO 8601 time such as 2026-01-05T10:00:00Z.' });
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : '';
}
