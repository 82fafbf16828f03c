import type { SimulatorClient } from '../client/client.js';
import type { InstallationEvidence } from './types.js';

/** Enough to see what happened; a load has more. */
const installationsShown = 6;
/** Of an installation's deliveries, and of its requests: the newest. */
const shownMax = 40;

/** What Talkdesk saw of installations, the first few; without headers and bodies, so without secrets. */
export async function collectEvidence(
  client: SimulatorClient,
  installationIds: readonly string[],
): Promise<InstallationEvidence[]> {
  return await Promise.all(installationIds.slice(0, installationsShown).map((id) => evidenceOf(client, id)));
}

async function evidenceOf(client: SimulatorClient, id: string): Promise<InstallationEvidence> {
  const filter = { installation_id: id };
  const [view, events, requests] = await Promise.all([
    client.installation(id),
    client.events(filter),
    client.requests(filter),
  ]);
  const deliveries = events.flatMap(({ event_id, type, attempts }) =>
    attempts.map(({ at, status, ms, error }) => ({ at, type, event_id, status, ms, error })),
  );
  return {
    installation_id: id,
    account_name: view.account_name,
    region: view.region,
    state: view.state,
    deliveries: deliveries.slice(-shownMax),
    deliveries_left_out: Math.max(0, deliveries.length - shownMax),
    decisions: view.decisions.map(({ at, verb, status, effective, process }) => ({
      at,
      verb,
      status,
      effective,
      process: process?.kind ?? null,
    })),
    requests: requests
      .slice(-shownMax)
      .map(({ n, at, method, path, query, status, verdict }) => ({ n, at, method, path, query, status, verdict })),
    requests_left_out: Math.max(0, requests.length - shownMax),
  };
}
