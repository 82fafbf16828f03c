import { acknowledged, approved, installed, listed } from '../conduct.js';
import { ScenarioFailure } from '../failure.js';
import type { Probe } from '../probe.js';
import type { Scenario } from '../types.js';
import { until } from '../waiting.js';

/** Scenarios about a first installation, on which all others build. */
export const installing: readonly Scenario[] = [
  {
    name: 'install-approved',
    title: 'An installation is approved, by calls with a token that a signed client assertion was given for.',
    requirements: ['automated-install', 'near-real-time', 'signed-jwt', 'lifecycle-events'],
    needs: [],
    async run(probe) {
      const { installation_id: id } = await installed(probe);
      const tokens = (await probe.requests(id)).filter(({ route, status }) => route === 'token' && status === 200);
      if (tokens.some(({ assertion }) => assertion !== null)) return;
      throw new ScenarioFailure(
        'The token is asked for with private_key_jwt, a client assertion signed with the private_key of the event.',
        'It was asked for with the client secret alone.',
        'Talkdesk lists no app without signed JWT: send client_assertion and client_assertion_type.',
      );
    },
  },
  {
    name: 'own-token-per-installation',
    title: 'Each of two accounts is served with a token of its own installation.',
    requirements: ['automated-install', 'technical-certification'],
    needs: ['install-approved'],
    async run(probe) {
      const pair = [await probe.prepare(), await probe.prepare()];
      await Promise.all(pair.map(({ event_id }) => acknowledged(probe, event_id, 'the app.installed event')));
      await until(async () => {
        for (const { installation_id, client_id } of pair) await expectOwnToken(probe, installation_id, client_id);
        const views = await Promise.all(pair.map(({ installation_id }) => probe.client.installation(installation_id)));
        return views.every(({ state }) => state === 'completed') ? true : undefined;
      }, probe.options.patienceMs);
      for (const { installation_id, event_id, client_id } of pair) {
        await approved(probe, installation_id, event_id, 'install');
        await expectOwnToken(probe, installation_id, client_id);
      }
    },
  },
];

async function expectOwnToken(probe: Probe, installationId: string, clientId: string): Promise<void> {
  const foreign = (await probe.requests(installationId)).filter(
    ({ client_id: used }) => used !== null && used !== clientId,
  );
  if (foreign.length === 0) return;
  throw new ScenarioFailure(
    `Every call about installation ${installationId} carries a token of its own client ${clientId}.`,
    `A token of another installation's client ${foreign[0]?.client_id} came: ${listed(foreign, 1)}.`,
    'Keep one token per installation, fetched with the credentials of its own app.installed.',
  );
}
