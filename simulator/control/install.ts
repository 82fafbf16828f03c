import type { Router } from 'express';
import type { Deliverer } from '../events/delivery.js';
import type { createInstaller } from '../world/installations.js';
import type { VirtualClock } from '../world/clock.js';
import { readWish } from './wish.js';

/** What the route of an installation needs. */
export interface InstallDeps {
  install: ReturnType<typeof createInstaller>;
  deliverer: Deliverer;
  clock: VirtualClock;
}

/** `POST /_control/installations`; gives a function that does the same with such a body, and gives the route's answer. */
export function addInstallRoute(
  router: Router,
  deps: InstallDeps & Parameters<typeof readWish>[1],
): (body: unknown) => Promise<object> {
  const { install, deliverer, clock } = deps;
  const perform = async (body: unknown) => {
    const { installation, event } = await install(readWish(body, deps, clock.now()));
    if ((body as { deliver?: boolean }).deliver !== false) deliverer.startInOrder([event]);
    const { id, account, app, clients } = installation;
    return {
      installation_id: id,
      account_id: account.id,
      account_name: account.name,
      region: account.region,
      app_id: app.id,
      event_id: event.id,
      client_id: clients.at(-1)?.id,
    };
  };
  router.post('/installations', async (request, response) => {
    response.status(201).json(await perform(request.body));
  });
  return perform;
}
