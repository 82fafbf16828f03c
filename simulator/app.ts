import express, { type ErrorRequestHandler, type Express } from 'express';
import { createAccessControl } from './access.js';
import { createClients } from './clients.js';
import type { VirtualClock } from './clock.js';
import { createControlRouter } from './control.js';
import { createCredentialsStateRoute, createRotateRoute } from './credentials-routes.js';
import { createCustomer } from './customer.js';
import { createDeliverer } from './delivery.js';
import { createEvents } from './events.js';
import { createFaults } from './faults.js';
import { randomId } from './ids.js';
import { createAccountRoute, createInstallationRoute, createUsersRoute } from './installation-routes.js';
import { createInstaller } from './installations.js';
import { createLedger } from './ledger.js';
import { createLifecycle } from './lifecycle.js';
import { createLinks } from './links.js';
import { createTokenRoute } from './oauth.js';
import { createSubscriptionRoute, createTrialRoute } from './plan-routes.js';
import { registerApp } from './registry.js';
import { wholeSeconds } from './reply.js';
import { createRotation } from './rotation.js';
import { createRouteHandler } from './route.js';
import { createSignatureKeyRoute } from './signature-key-route.js';
import { createSigner } from './signing.js';
import { createStateRoute } from './state-route.js';
import { defaultSwitches } from './switches.js';
import { createTokens } from './tokens.js';
import { createTrials } from './trials.js';
import { createWindows } from './windows.js';
import { createWorld, type Installation } from './world.js';

/** Where this Talkdesk is reached, its clock, and an app to know from the start. */
export interface SimulatorOptions {
  /** Public base URL without a slash at its end; every link in events is built on it. */
  baseUrl: string;
  clock: VirtualClock;
  app?: { id: string; callbackUrl: string };
}

/** A stand-in Talkdesk as an Express application; it never listens by itself. */
export function createSimulator({ baseUrl, clock, app: knownApp }: SimulatorOptions): Express {
  const { now } = clock;
  const world = createWorld();
  const switches = defaultSwitches();
  const links = createLinks(baseUrl);
  const ledger = createLedger();
  const faults = createFaults(now);
  const signer = createSigner(switches, now);
  const tokens = createTokens(now, world.secrets);
  const access = createAccessControl({ world, tokens, switches, now });
  const events = createEvents(links);
  const deliverer = createDeliverer({ clock, signer, switches });
  const windows = createWindows(clock);
  const clients = createClients({ world, clock, switches, windows });
  const trials = createTrials({ clock, events, deliverer, switches });
  const lifecycle = createLifecycle({ world, clock, switches, windows, clients, settled: trials.settled });
  const install = createInstaller({ world, events, lifecycle, clients });
  const customer = createCustomer({ events, lifecycle, trials });
  const rotate = createRotation({ clients, events });
  if (knownApp !== undefined) registerApp(world, knownApp.id, { callbackUrl: knownApp.callbackUrl });

  async function rotateOnRequest(installation: Installation): Promise<void> {
    const wish = { eventId: randomId(), createdAt: wholeSeconds(now()), merge: undefined };
    const { event } = await rotate(installation, { kind: 'routine', event: wish });
    deliverer.startInOrder([event]);
  }

  const read = { access, links, switches };
  const isGone = (id: string) => world.installations.get(id)?.state === 'revoked';
  const serve = createRouteHandler({ ledger, faults, now, secrets: world.secrets, isGone });
  const steered = { world, events, install, customer, rotate, trials, deliverer, signer, ledger, faults };

  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use('/_control', createControlRouter({ ...steered, clock, switches, baseUrl }));
  app.use(express.raw({ type: () => true, limit: '256kb' }));
  app.get('/account', serve(createAccountRoute(read)));
  app.get('/events/signature-keys/:key_id', serve(createSignatureKeyRoute(signer, switches)));
  const installation = '/apps/:app_id/installations/:installation_id';
  app.get(installation, serve(createInstallationRoute(read)));
  app.get(`${installation}/users`, serve(createUsersRoute(read)));
  app.get(`${installation}/subscription`, serve(createSubscriptionRoute(read)));
  app.get(`${installation}/trial`, serve(createTrialRoute(read)));
  app.post(`${installation}/state`, serve(createStateRoute({ access, lifecycle, links, switches })));
  const credentials = `${installation}/credentials`;
  app.post(`${credentials}/actions/rotate`, serve(createRotateRoute({ access, rotate: rotateOnRequest })));
  app.post(`${credentials}/:client_id/state`, serve(createCredentialsStateRoute({ access, clients, links })));
  app.post('/:account/oauth/token', serve(createTokenRoute({ world, tokens, switches, now, tokenUrl: links.token })));
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
