import express, { type ErrorRequestHandler, type RequestHandler, type Router } from 'express';
import { type ActionDeps, addActionRoutes } from './control-actions.js';
import { addEventRoutes, type EventDeps } from './control-events.js';
import { ControlProblem, found, readInput } from './control-problem.js';
import { appIdSchema, appSchema, clockSchema, userSchema } from './control-schemas.js';
import { accountView, decisionView, installationView, settingsView, userView } from './control-views.js';
import { type Faults, faultSchema } from './faults.js';
import type { createInstaller } from './installations.js';
import type { Ledger } from './ledger.js';
import { registerApp } from './registry.js';
import { changeSwitches, switchesSchema } from './switches.js';
import { wishedUser } from './users.js';
import { readWish } from './wish.js';

/** What the control API steers. */
export interface ControlDeps extends ActionDeps, EventDeps {
  install: ReturnType<typeof createInstaller>;
  ledger: Ledger;
  faults: Faults;
  baseUrl: string;
}

/** The control API: JSON, for callers on the same machine only. Bad input is answered 400 with a sentence. */
export function createControlRouter(deps: ControlDeps): Router {
  const router = express.Router();
  router.use(loopbackOnly, express.json({ limit: '32mb' }));
  addSetupRoutes(router, deps);
  addAccountRoutes(router, deps);
  addActionRoutes(router, deps);
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

function addSetupRoutes(router: Router, deps: ControlDeps): void {
  const { world, events, install, deliverer, clock, switches, baseUrl } = deps;
  router.get('/health', (_request, response) => {
    response.json({ ok: true, now: clock.now().toISOString(), base_url: baseUrl });
  });
  router.put('/apps/:app_id', (request, response) => {
    const { callback_url: callbackUrl, scopes, version_name: versionName } = readInput(appSchema, request.body);
    const id = readInput(appIdSchema, request.params['app_id']);
    const app = registerApp(world, id, { callbackUrl, scopes, versionName });
    response.json({
      app_id: app.id,
      callback_url: app.callbackUrl,
      scopes: app.scopes,
      version_id: app.versionId,
      version_name: app.versionName,
    });
  });
  router.post('/installations', async (request, response) => {
    const { installation, event } = await install(readWish(request.body, world, events, clock.now()));
    if (request.body.deliver !== false) deliverer.startInOrder([event]);
    const { id, account, app, clients } = installation;
    response.status(201).json({
      installation_id: id,
      account_id: account.id,
      account_name: account.name,
      app_id: app.id,
      event_id: event.id,
      client_id: clients.at(-1)?.id,
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

function addAccountRoutes(router: Router, { world }: ControlDeps): void {
  const accountOf = (id: string) => found(world.accountsById.get(id), 'account');
  router.get('/accounts', (_request, response) => {
    response.json({ accounts: [...world.accountsById.values()].map((account) => accountView(account, world)) });
  });
  router.get('/accounts/:account_id', (request, response) => {
    response.json(accountView(accountOf(request.params['account_id']), world));
  });
  router.get('/accounts/:account_id/users', (request, response) => {
    response.json({ users: [...accountOf(request.params['account_id']).users.values()].map(userView) });
  });
  router.put('/accounts/:account_id/users/:user_id', (request, response) => {
    const { account_id: accountId, user_id: id } = request.params;
    response.json(userView(wishedUser(accountOf(accountId), { id, ...readInput(userSchema, request.body) })));
  });
}

function addOracleRoutes(router: Router, { world, ledger, clock }: ControlDeps): void {
  router.get('/installations', (_request, response) => {
    response.json({ installations: [...world.installations.values()].map(installationView) });
  });
  router.get('/installations/:installation_id', (request, response) => {
    const installation = world.installations.get(request.params['installation_id']);
    response.json(installationView(found(installation, 'installation')));
  });
  router.get('/installations/:installation_id/settings', (request, response) => {
    const installation = found(world.installations.get(request.params['installation_id']), 'installation');
    response.json(settingsView(installation));
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
    await (set === undefined ? clock.moveBy(advanceMs) : clock.moveTo(new Date(set)));
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
