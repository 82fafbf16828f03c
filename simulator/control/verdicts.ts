import type { Router } from 'express';
import { z } from 'zod';
import type { Oracle } from '../oracle/oracle.js';
import type { World } from '../world/world.js';
import { ControlProblem, readInput } from './problem.js';

/** `GET /_control/verdicts`: everything, or one app, or one installation. */
export const verdictsSchema = z.strictObject({ app_id: z.string().optional(), installation_id: z.string().optional() });

/** The route that tells how a backend conducts itself. */
export function addVerdictRoutes(router: Router, { world, oracle }: { world: World; oracle: Oracle }): void {
  router.get('/verdicts', (request, response) => {
    const { app_id: appId, installation_id: installationId } = readInput(verdictsSchema, request.query, 'query');
    if (appId !== undefined && !world.apps.has(appId)) {
      throw new ControlProblem(400, `app_id: ${appId} is not registered; allowed are the apps of GET /_control/apps.`);
    }
    if (installationId !== undefined && !world.installations.has(installationId)) {
      const allowed = 'allowed are those of GET /_control/installations';
      throw new ControlProblem(400, `installation_id: there is no installation ${installationId}; ${allowed}.`);
    }
    response.json(
      oracle.verdicts({
        ...(appId === undefined ? {} : { appId }),
        ...(installationId === undefined ? {} : { installationId }),
      }),
    );
  });
}
