import type { Router } from 'express';
import type { ServedRoute } from './openapi/document.js';

/** `GET /openapi.json`: what the control API offers, by the routes that it really serves. */
export function addOpenapiRoute(router: Router, { baseUrl }: { baseUrl: string }): void {
  router.get('/openapi.json', async (_request, response) => {
    // Loaded when it is asked for: the simulator is to start fast.
    const { openapiDocument } = await import('./openapi/document.js');
    try {
      response.json(openapiDocument(servedRoutes(router), baseUrl));
    } catch (error) {
      // Whoever adds a route has to describe it, and is told so.
      response.status(500).json({ error: (error as Error).message });
    }
  });
}

function servedRoutes(router: Router): ServedRoute[] {
  return router.stack.flatMap(({ route }) =>
    (route?.stack ?? []).map(({ method }) => ({ method: method.toUpperCase(), path: String(route?.path) })),
  );
}
