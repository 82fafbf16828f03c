import type { RequestListener } from 'node:http';
import { createAccessControl } from './routes/access.js';
import { createClients } from './world/clients.js';
import type { VirtualClock } from './world/clock.js';
import { createCredentialsStateRoute, createRotateRoute } from './routes/credentials.js';
import { createCustomer } from './world/customer.js';
import { createDispatcher } from './routes/dispatch.js';
import { createDeliverer } from './events/delivery.js';
import { createEvents } from './events/events.js';
import { createFaultApplier } from './faults/apply.js';
import { createFaults } from './faults/faults.js';
import { createHolds } from './faults/holds.js';
import { randomId } from './world/ids.js';
import { createAccountUserRoute, createAccountUsersRoute, createMeRoute } from './routes/account-users.js';
import { createAccountRoute, createInstallationRoute, createUsersRoute } from './routes/installation.js';
import { createInstaller } from './world/installations.js';
import { createLedger } from './oracle/ledger.js';
import { createOracle } from './oracle/oracle.js';
import { createRecorder } from './oracle/recorder.js';
import { createLifecycle } from './world/lifecycle.js';
import { createRegionLinks } from './events/links.js';
import { createTokenRoute } from './routes/oauth.js';
import { createSubscriptionRoute, createTrialRoute } from './routes/plan.js';
import type { Regions } from './world/regions.js';
import { registerApp } from './world/registry.js';
import { wholeSeconds } from './routes/reply.js';
import { createRotation } from './world/rotation.js';
import { createRouteHandler } from './routes/route.js';
import { createSignatureKeyRoute } from './routes/signature-key.js';
import { createSigner } from './events/signing.js';
import { createStateRoute } from './routes/state.js';
import { defaultSwitches } from './world/switches.js';
import { createTokens } from './routes/tokens.js';
import { createTrials } from './world/trials.js';
import { createWindows } from './world/windows.js';
import { createWorld, type Installation } from './world/world.js';

/** The regions of this Talkdesk, its clock, and an app to know from the start. */
export interface SimulatorOptions {
  regions: Regions;
  clock: VirtualClock;
  app?: { id: string; callbackUrl: string };
  /** Where the partner's backend shows its run, with placeholders. */
  runLink?: string;
}

/** A stand-in Talkdesk as one function for the listeners of all its regions; it never listens by itself. */
export function createSimulator({ regions, clock, app: knownApp, runLink }: SimulatorOptions): RequestListener {
  const { now } = clock;
  const world = createWorld();
  const switches = defaultSwitches();
  const linksOf = createRegionLinks(regions.all);
  const ledger = createLedger();
  const faults = createFaults(now, (id) => world.installations.get(id)?.account.id);
  const holds = createHolds(now);
  const applyFault = createFaultApplier({ holds, now });
  const signer = createSigner(switches, now, regions.first.name);
  const tokens = createTokens(now, world.secrets);
  const access = createAccessControl({ world, tokens, switches, now });
  const events = createEvents(linksOf, switches);
  const deliverer = createDeliverer({ clock, signer, switches, faults, nextNumber: ledger.number });
  const windows = createWindows(clock, switches);
  const clients = createClients({ world, clock, switches, windows });
  const trials = createTrials({ clock, events, deliverer, switches });
  const lifecycle = createLifecycle({ world, clock, switches, windows, clients, settled: trials.settled });
  const install = createInstaller({ world, events, lifecycle, clients });
  const customer = createCustomer({ events, lifecycle, trials });
  const rotate = createRotation({ clients, events });
  if (knownApp !== undefined) registerApp(world, knownApp.id, { callbackUrl: knownApp.callbackUrl }, now());

  async function rotateOnRequest(installation: Installation): Promise<void> {
    const wish = { eventId: randomId(), createdAt: wholeSeconds(now()), merge: undefined };
    const { event } = await rotate(installation, { kind: 'routine', event: wish });
    deliverer.startInOrder([event]);
  }

  const read = { access, linksOf, switches };
  const recorder = createRecorder({ ledger, world, events, now });
  const oracle = createOracle({ ledger, world, events, now });
  const serve = createRouteHandler({ recorder, faults, applyFault, regionAt: regions.atPort, switches, now });
  const steered = {
    world,
    events,
    install,
    customer,
    rotate,
    trials,
    deliverer,
    signer,
    tokens,
    clients,
    lifecycle,
    ledger,
    oracle,
    faults,
    holds,
  };

  const api = createDispatcher();
  api.add('GET', '/account', serve(createAccountRoute(read)));
  api.add('GET', '/users', serve(createAccountUsersRoute(read)));
  // Before the route that takes `me` for an id.
  api.add('GET', '/users/me', serve(createMeRoute(read)));
  api.add('GET', '/users/:user_id', serve(createAccountUserRoute(read)));
  api.add('GET', '/events/signature-keys/:key_id', serve(createSignatureKeyRoute(signer, switches)));
  const installation = '/apps/:app_id/installations/:installation_id';
  api.add('GET', installation, serve(createInstallationRoute(read)));
  api.add('GET', `${installation}/users`, serve(createUsersRoute(read)));
  api.add('GET', `${installation}/subscription`, serve(createSubscriptionRoute(read)));
  api.add('GET', `${installation}/trial`, serve(createTrialRoute(read)));
  api.add('POST', `${installation}/state`, serve(createStateRoute({ access, lifecycle, linksOf, switches })));
  const credentials = `${installation}/credentials`;
  api.add(
    'POST',
    `${credentials}/actions/rotate`,
    serve(createRotateRoute({ access, rotate: rotateOnRequest, switches })),
  );
  api.add(
    'POST',
    `${credentials}/:client_id/state`,
    serve(createCredentialsStateRoute({ access, clients, linksOf, switches })),
  );
  api.add('POST', '/:account/oauth/token', serve(createTokenRoute({ world, tokens, switches, now, linksOf })));
  const steering = createLater(async () => {
    const { createSteering } = await import('./control/steering.js');
    return createSteering({ ...steered, clock, switches, regions, runLink });
  });
  return api.listener(steering);
}

/** A listener that is loaded only once this simulator listens, or at its first request: Talkdesk's API need not wait for it. */
function createLater(load: () => Promise<RequestListener>): RequestListener {
  let loading: Promise<RequestListener> | undefined;
  const loaded = () => {
    loading ??= load();
    return loading;
  };
  setImmediate(loaded);
  return (request, response) => void loaded().then((listener) => listener(request, response));
}
