import express, { type ErrorRequestHandler, type RequestHandler, type Router } from 'express';
import { type ActionDeps, addActionRoutes } from './actions.js';
import { addClockRoutes } from './clock.js';
import { addEventRoutes, type EventDeps } from './events.js';
import { addFaultRoutes, type FaultDeps } from './faults.js';
import { addInstallRoute, type InstallDeps } from './install.js';
import { addOverviewRoute, type OverviewDeps } from './overview.js';
import { addOpenapiRoute } from './openapi.js';
import { ControlProblem, found, readInput } from './problem.js';
import { addScenarioRoutes, scenarioText } from './scenarios.js';
import {
  appIdSchema,
  appSchema,
  ipAllowListSchema,
  noQuerySchema,
  requestsQuerySchema,
  userSchema,
} from './schemas.js';
import { accountView, appView, decisionView, installationView, settingsView, userView } from './views.js';
import type { Ledger } from '../oracle/ledger.js';
import type { Oracle } from '../oracle/oracle.js';
import { registerApp } from '../world/registry.js';
import { changeSwitches, switchesSchema } from '../world/switches.js';
import { wishedUser } from '../world/users.js';
import { addSnapshotRoutes, snapshotBody } from './snapshot.js';
import { createSnapshots } from '../snapshot/snapshot.js';
import type { StateDeps } from '../snapshot/state.js';
import { addVerdictRoutes } from './verdicts.js';

/** What the control API steers. */
export interface ControlDeps
  extends ActionDeps,
    EventDeps,
    InstallDeps,
    OverviewDeps,
    FaultDeps,
    Omit<StateDeps, 'scenarios'> {
  /** Lets through whoever may call. */
  callers: RequestHandler;
  ledger: Ledger;
  oracle: Oracle;
}

/** The control API: JSON, for callers on the same machine only. Bad input is answered 400 with a sentence. */
export function createControlRouter(deps: ControlDeps): Router {
  const router = express.Router();
  router.use(deps.callers);
  router.post('/scenarios', scenarioText);
  router.put('/snapshot', snapshotBody);
  router.use(express.json({ limit: '32mb' }));
  addSetupRoutes(router, deps);
  addAccountRoutes(router, deps);
  const install = addInstallRoute(router, deps);
  const actions = addActionRoutes(router, deps);
  addEventRoutes(router, deps);
  addOracleRoutes(router, deps);
  addClockRoutes(router, deps);
  addVerdictRoutes(router, deps);
  addFaultRoutes(router, deps);
  const scenarios = addScenarioRoutes(router, { ...deps, install, actions });
  addSnapshotRoutes(router, { snapshots: createSnapshots({ ...deps, scenarios }) });
  addOverviewRoute(router, deps);
  addOpenapiRoute(router, { baseUrl: deps.regions.first.baseUrl });
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
  const { world, clock, switches, regions } = deps;
  const baseUrls = Object.fromEntries(regions.all.map(({ name, baseUrl }) => [name, baseUrl]));
  router.get('/health', (_request, response) => {
    response.json({ ok: true, now: clock.now().toISOString(), base_url: regions.first.baseUrl, regions: baseUrls });
  });
  router.get('/apps', (request, response) => {
    readInput(noQuerySchema, request.query, 'query');
    response.json({ apps: [...world.apps.values()].map(appView) });
  });
  router.put('/apps/:app_id', (request, response) => {
    const { callback_url: callbackUrl, scopes, version_name: versionName } = readInput(appSchema, request.body);
    const id = readInput(appIdSchema, request.params['app_id'], 'app_id');
    const app = registerApp(world, id, { callbackUrl, scopes, versionName }, clock.now());
    response.json(appView(app));
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
  router.get('/accounts', (request, response) => {
    readInput(noQuerySchema, request.query, 'query');
    response.json({ accounts: [...world.accountsById.values()].map((account) => accountView(account, world)) });
  });
  router.get('/accounts/:account_id', (request, response) => {
    response.json(accountView(accountOf(request.params['account_id']), world));
  });
  router.get('/accounts/:account_id/users', (request, response) => {
    response.json({ users: [...accountOf(request.params['account_id']).users.values()].map(userView) });
  });
  router.put('/accounts/:account_id/ip-allow-list', (request, response) => {
    const account = accountOf(request.params['account_id']);
    account.ipAllowList = readInput(ipAllowListSchema, request.body).addresses;
    response.json(accountView(account, world));
  });
  router.put('/accounts/:account_id/users/:user_id', (request, response) => {
    const { account_id: accountId, user_id: id } = request.params;
    response.json(userView(wishedUser(accountOf(accountId), { id, ...readInput(userSchema, request.body) })));
  });
}

function addOracleRoutes(router: Router, { world, ledger }: ControlDeps): void {
  router.get('/installations', (request, response) => {
    readInput(noQuerySchema, request.query, 'query');
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
    const { installation_id: installationId, route } = readInput(requestsQuerySchema, request.query, 'query');
    const filter = {
      ...(installationId === undefined ? {} : { installationId }),
      ...(route === undefined ? {} : { route }),
    };
    response.json({ requests: ledger.entries(filter), dropped: ledger.dropped() });
  });
  router.get('/decisions', (request, response) => {
    readInput(noQuerySchema, request.query, 'query');
    response.json({ decisions: world.decisions.map(decisionView) });
  });
  router.get('/secrets', (_request, response) => {
    response.json({ secrets: [...world.secrets] });
  });
}

const answerProblem: ErrorRequestHandler = (error, _request, response, next) => {
  if (response.headersSent) return next(error);
  const { status, sentence } =
    error instanceof ControlProblem ? { status: error.status, sentence: error.message } : unreadable(error);
  response.status(status).json({ error: sentence });
};

/** What was wrong with a request that could not even be read; anything else is a fault of the simulator's. */
function unreadable(error: unknown): { status: number; sentence: string } {
  const { type, status, limit, body } = error as { type?: unknown; status?: unknown; limit?: unknown; body?: unknown };
  switch (type) {
    case 'entity.parse.failed':
      return { status: 400, sentence: isJson(body) ? 'The body must be a JSON object.' : 'The body must be JSON.' };
    case 'entity.too.large':
      return { status: 413, sentence: `The body is too large; at most ${limit} bytes are taken.` };
    case 'encoding.unsupported':
      return { status: 415, sentence: 'The Content-Encoding must be identity, gzip, deflate or br.' };
    case 'charset.unsupported':
      return { status: 415, sentence: 'The charset of the Content-Type is not known; send UTF-8.' };
    default:
      return typeof status === 'number' && status >= 400 && status < 500
        ? {
            status,
            sentence:
              'The request cannot be read: its body is not as Content-Encoding and Content-Length say, or its path is malformed.',
          }
        : { status: 500, sentence: 'The simulator failed.' };
  }
}

/** The parser takes objects and lists only. */
function isJson(text: unknown): boolean {
  try {
    JSON.parse(String(text));
    return true;
  } catch {
    return false;
  }
}
