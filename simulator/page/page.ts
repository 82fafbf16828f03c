import { fileURLToPath } from 'node:url';
import express, { type RequestHandler, type Router } from 'express';
import { z } from 'zod';
import { keyAlgorithms } from '../world/client-keys.js';
import type { Regions } from '../world/regions.js';
import { switchesSchema } from '../world/switches.js';

/** The page as it is sent: HTML, CSS and JavaScript files of our own, in the sources and beside the build. */
const files = fileURLToPath(new URL('files/', import.meta.url));

/** Only files of this listener run or are shown, nothing makes markup of text, and no other site shows the page in a frame. */
const headers = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** Where the page is; an account's name, the only first segment that Talkdesk's routes leave open, has no underscore. */
const pagePath = '/_page/';

/**
 * The page at `/_page/`, to which `/` leads.
 * @param callers lets through whoever may see it
 */
export function createPage({ regions, callers }: { regions: Regions; callers: RequestHandler }): Router {
  const router = express.Router();
  router.get('/', callers, (_request, response) => response.redirect(302, pagePath));
  router.use(pagePath, callers, (_request, response, next) => {
    response.set(headers);
    next();
  });
  router.get(`${pagePath}choices.json`, (_request, response) => {
    response.json({
      regions: regions.all.map(({ name }) => name),
      key_algorithms: keyAlgorithms,
      switches: z.toJSONSchema(switchesSchema),
    });
  });
  router.use(pagePath, express.static(files, { cacheControl: false, index: 'index.html', setHeaders }));
  return router;
}

/** A browser asks each time, and gets 304 as long as the simulator is the same. */
function setHeaders(response: { setHeader(name: string, value: string): unknown }): void {
  response.setHeader('cache-control', 'no-cache');
}
