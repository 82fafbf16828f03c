import express, { type ErrorRequestHandler, type Request, type RequestHandler, type Router } from 'express';
import type { VirtualClock } from './clock.js';
import { appIdSchema, appSchema, ControlProblem, clockSchema, deliverSchema, readInput } from './control-schemas.js';
import { attemptView, decisionView, eventView, installationView } from './control-views.js';
import type { Deliverer } from './delivery.js';
import type { EventRecord } from './events.js';
import { type Faults, faultSchema } from './faults.js';
import type { InstallationWish } from './installations.js';
import type { Ledger } from './ledger.js';
import type { Signer } from './signing.js';
import { changeSwitches, signSchema, type Switches, switchesSchema } from './switches.js';
import { readWish } from './wish.js';
import { registerApp, type World } from './world.js';

/** What the control API steers. */
export interface ControlDeps {
  world: World;
  events: Map<string, EventRecord>;
  install: (wish: InstallationWish) => Promise<EventRecord>;
  deliverer: Deliverer;
  signer: Signer;
  ledger: Ledger;
  faults: Faults;
  clock: VirtualClock;
  switches: Switches;
  baseUrl: string;
}

/** The control API: JSON, for callers on the same machine only. Bad input is answered 400 with a sentence. */
export function createControlRouter(deps: ControlDeps): Router {
  const router = express.Router();
  router.use(loopbackOnly, express.json({ limit: '256kb' }));
  addSetupRoutes(router, deps);
  addEventRoutes(router, deps);
  addOracleRoutes(router, deps);
  addFaultRoutes(router, deps);
  router.use((request) => {
    throw new ControlProblem(
      404,
      `There is no ${request.method} ${request.originalUrl.split('?', 1)[0]} in the control API.`,
    );
  });
  router.use(answerProblem);
  return router;
}

function addSetupRoutes(router: Router, { world, install, deliverer, clock, switches, baseUrl }: ControlDeps): void {
  router.get('/health', (_request, response) => {
    response.json({ ok: true, now: clock.now().toISOString(), base_url: baseUrl });
  });
  router.put('/apps/:app_id', (request, response) => {
    const { callback_url: callbackUrl, scopes } = readInput(appSchema, request.body);
    const app = registerApp(world, readInput(appIdSchema, request.params['app_id']), callbackUrl, scopes);
    response.json({ app_id: app.id, callback_url: app.callbackUrl, scopes: app.scopes });
  });
  router.post('/installations', async (request, response) => {
    const event = await install(readWish(request.body, world, clock.now()));
    if (request.body.deliver !== false) deliverer.start(event);
    const { id, account, app, client } = event.installation;
    response.status(201).json({
      installation_id: id,
      account_id: account.id,
      account_name: account.name,
      app_id: app.id,
      event_id: event.id,
      client_id: client.id,
    });
  });
  router.get('/switches', (_request, response) => {
    response.json(switches);
  });
  router.patch('/switches', (request, response) => {
    changeSwitches(switches, readInput(switchesSchema, request.body));
    response.json(switches);
  });
}

function addEventRoutes(router: Router, { events, deliverer, signer }: ControlDeps): void {
  const eventOf = (request: Request) => found(events.get(String(request.params['event_id'])), 'event');
  router.get('/events/:event_id', (request, response) => {
    response.json(eventView(eventOf(request)));
  });
  router.post('/events/:event_id/deliver', async (request, response) => {
    const { sign, callback_url: callbackUrl } = readInput(deliverSchema, request.body);
    const event = eventOf(request);
    const attempt = await deliverer.once(event, {
      ...(sign === undefined ? {} : { sign }),
      ...(callbackUrl === undefined ? {} : { callbackUrl }),
    });
    const { status, ms, error } = attemptView(attempt);
    response.json({ status, ms, ...(error === null ? {} : { error }) });
  });
  router.get('/events/:event_id/signed', (request, response) => {
    const { headers, body } = signer.sign(eventOf(request).body, readInput(signSchema, request.query));
    response.json({
      headers: { 'Content-Type': 'application/json', ...headers },
      body_base64: body.toString('base64'),
    });
  });
  router.post('/signature-keys/rotate', (_request, response) => {
    response.json({ key_id: signer.rotate() });
  });
}

function addOracleRoutes(router: Router, { world, ledger, clock }: ControlDeps): void {
  router.get('/installations/:installation_id', (request, response) => {
    const installation = world.installations.get(request.params['installation_id']);
    response.json(installationView(found(installation, 'installation')));
  });
  router.get('/requests', (request, response) => {
    const { installation_id: installationId, route } = request.query;
    const filter = {
      ...(typeof installationId === 'string' ? { installationId } : {}),
      ...(typeof route === 'string' ? { route } : {}),
    };
    response.json({ requests: ledger.entries(filter), dropped: ledger.dropped() });
  });
  router.get('/decisions', (_request, response) => {
    response.json({ decisions: world.decisions.map(decisionView) });
  });
  router.get('/secrets', (_request, response) => {
    response.json({ secrets: [...world.secrets] });
  });
  const clockView = () => ({ now: clock.now().toISOString(), offset_ms: clock.offsetMs() });
  router.get('/clock', (_request, response) => {
    response.json(clockView());
  });
  router.post('/clock', async (request, response) => {
    const { set, advance_ms: advanceMs = 0 } = readInput(clockSchema, request.body);
    await clock.moveTo(set === undefined ? new Date(clock.now().getTime() + advanceMs) : new Date(set));
    response.json(clockView());
  });
}

function addFaultRoutes(router: Router, { faults }: ControlDeps): void {
  router.post('/faults', (request, response) => {
    response.status(201).json({ id: faults.add(readInput(faultSchema, request.body)) });
  });
  router.delete('/faults', (_request, response) => {
    faults.clear();
    response.json({ ok: true });
  });
  router.get('/holds', (_request, response) => {
    response.json(faults.holds());
  });
  router.post('/holds/:hold_id/release', (request, response) => {
    if (!faults.release(request.params['hold_id'])) throw new ControlProblem(404, 'There is no hold of this id.');
    response.json({ ok: true });
  });
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new ControlProblem(404, `There is no ${what} of this id.`);
  return value;
}

const loopbackOnly: RequestHandler = (request, response, next) => {
  const peer = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  if (peer === '::1' || peer.startsWith('127.')) next();
  else response.status(403).json({ error: 'The control API answers callers on the same machine only.' });
};

const answerProblem: ErrorRequestHandler = (error, _request, response, next) => {
  if (response.headersSent) return next(error);
  const known = error instanceof ControlProblem || (error instanceof SyntaxError && 'body' in error);
  const status = error instanceof ControlProblem ? error.status : known ? 400 : 500;
  const sentence =
    error instanceof ControlProblem ? error.message : known ? 'The body must be JSON.' : 'The simulator failed.';
  response.status(status).json({ error: sentence });
};
