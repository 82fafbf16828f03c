import { randomUUID } from 'node:crypto';
import express, { type Express } from 'express';
import { PRODUCT_CALLBACK_PATH } from '../contracts/callbacks.js';
import { sendAnswer } from './answer.js';
import { type CallbackDeps, createProductCallback } from './callbacks.js';
import { createErrorHandler } from './errors.js';
import { createWebhook, type WebhookDeps } from './webhooks.js';

/** Path of Talkdesk's events callback URL. Registered at Talkdesk by every user of this service: kept for ever. */
export const WEBHOOK_PATH = '/webhooks/talkdesk';

const CALLBACK_PATH = `${PRODUCT_CALLBACK_PATH}/:processId` as const;

/** What the ingress works with. */
export type AppDeps = WebhookDeps & CallbackDeps;

/**
 * The ingress: Talkdesk's events, the callbacks of products, and nothing else. It parses no query, no cookies and no body by itself, and its successful answers are
 * empty (talkdesk-api.md 1.5), so there is nothing for browser security headers to protect. Never listens.
 */
export function createApp(deps: AppDeps): Express {
  const app = express();
  app.set('query parser', false);
  app.set('etag', false);
  app.disable('x-powered-by');
  app.use((_req, res, next) => {
    res.locals['requestId'] = randomUUID();
    res.setHeader('X-Request-Id', res.locals['requestId']);
    next();
  });
  app.post(WEBHOOK_PATH, createWebhook(deps));
  app.post(CALLBACK_PATH, createProductCallback(deps));
  app.all([WEBHOOK_PATH, CALLBACK_PATH], (req, res) =>
    sendAnswer(req, res, { status: 405, headers: { Allow: 'POST' } }),
  );
  app.use((req, res) => sendAnswer(req, res, { status: 404 }));
  app.use(createErrorHandler(deps.log));
  return app;
}
