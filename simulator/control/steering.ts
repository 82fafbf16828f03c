import type { RequestListener } from 'node:http';
import express, { type ErrorRequestHandler } from 'express';
import { createPage } from '../page/page.js';
import { createGuard } from './guard.js';
import { type ControlDeps, createControlRouter } from './router.js';
import { createRunLink } from './run-link.js';

/** What the control API and the page need; the form of a link to a run is as the settings give it. */
export type SteeringDeps = Omit<ControlDeps, 'callers' | 'runLink'> & { runLink: string | undefined };

/** The control API, the page, and 404 for everything else. */
export function createSteering(deps: SteeringDeps): RequestListener {
  const { regions } = deps;
  const guard = createGuard(regions.all.map(({ baseUrl }) => baseUrl));
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use('/_control', createControlRouter({ ...deps, runLink: createRunLink(deps.runLink), callers: guard.control }));
  app.use(createPage({ regions, callers: guard.page }));
  app.use((_request, response) => {
    response.status(404).json({ error: 'Not found' });
  });
  app.use(answerUnreadable);
  return app;
}

/** A body that is too large or was cut off; anything else is a fault of the simulator itself. */
const answerUnreadable: ErrorRequestHandler = (error, _request, response, next) => {
  if (response.headersSent) return next(error);
  const status = typeof error.status === 'number' ? error.status : 500;
  response.status(status).json({ error: status === 500 ? 'The simulator failed.' : 'The request cannot be read.' });
};
