import {
  acknowledged,
  answerOf,
  approved,
  decisionCalls,
  installed,
  isSuccess,
  listed,
  newest,
  settled,
} from '../conduct.js';
import { ScenarioFailure } from '../failure.js';
import type { Scenario } from '../types.js';
import { until } from '../waiting.js';

const copies = 5;
/** Events name whole seconds: which of two installations made within one second is the newer, no backend can tell. */
const secondMs = 1_000;

/** Scenarios about events that come twice, in the wrong order, or of no known type. */
export const deliveries: readonly Scenario[] = [
  {
    name: 'duplicate-delivery',
    title: 'An event that comes several times, at once and later, leads to one decision call.',
    requirements: ['lifecycle-events'],
    needs: ['own-token-per-installation'],
    async run(probe) {
      const { installation_id: id, event_id: event } = await probe.prepare();
      const answers = await Promise.all(Array.from({ length: copies }, () => probe.client.deliver(event)));
      const refused = answers.find(({ status }) => !isSuccess(status));
      const advice =
        'Keep the id of every event for as long as its installation; answer 2xx to a repeat and do nothing.';
      if (refused !== undefined) {
        const seen = `Of ${copies} copies at once the webhook ${answerOf(refused)} to one.`;
        throw new ScenarioFailure('Each copy of an event is answered with a 2xx.', seen, advice);
      }
      await approved(probe, id, event, 'install');
      await settled(probe, id);
      await acknowledged(probe, event, 'a copy of the app.installed event after the approval');
      await acknowledged(probe, event, 'a copy of the app.installed event after the approval');
      const decisions = decisionCalls(await settled(probe, id, { quietMs: 1_500 }));
      if (decisions.length === 1) return;
      throw new ScenarioFailure(
        `One decision call follows ${copies + 2} deliveries of one event.`,
        `There were ${decisions.length}: ${listed(decisions)}.`,
        advice,
      );
    },
  },
  {
    name: 'unknown-event',
    title: 'An event of an unknown type is answered 2xx, and unknown fields disturb nothing.',
    requirements: ['lifecycle-events'],
    needs: ['own-token-per-installation'],
    async run(probe) {
      const later = {
        surprise: { deep: [1, 'two', null] },
        data: { novelty: true },
        _links: { novelty: { href: 'https://x.example' } },
      };
      const { installation_id: id } = await installed(probe, { merge: later });
      const { event_id: event } = await probe.client.sendEvent(id, {
        type: 'app.renamed',
        data: { name: 'A type that no documentation names' },
        deliver: false,
        merge: { surprise: true },
      });
      await acknowledged(probe, event, 'an event of a type that is not known');
    },
  },
  {
    name: 'out-of-order',
    title:
      'An uninstall that overtakes its install is approved all the same, and an update that does so disturbs nothing.',
    requirements: ['lifecycle-events'],
    needs: ['update-approved', 'uninstall-approved'],
    async run(probe) {
      const gone = await probe.prepare();
      const { event_id: uninstall } = await probe.client.uninstall(gone.installation_id, { deliver: false });
      await acknowledged(probe, uninstall, 'an app.uninstalled event that comes before its app.installed');
      await acknowledged(probe, gone.event_id, 'the app.installed event that was overtaken');
      await approved(probe, gone.installation_id, uninstall, 'uninstall that overtook its install');

      const kept = await probe.prepare();
      const { event_id: update } = await probe.client.sendEvent(kept.installation_id, {
        type: 'app.updated',
        data: { users: { adding: [], removing: [] } },
        deliver: false,
      });
      await acknowledged(probe, update, 'an app.updated event that comes before its app.installed');
      await acknowledged(probe, kept.event_id, 'the app.installed event that was overtaken');
      await approved(probe, kept.installation_id, kept.event_id, 'install that was overtaken by an update');
    },
  },
  {
    name: 'reinstall',
    title: 'After an uninstall the same account installs again, and a late event of the old installation does no harm.',
    requirements: ['lifecycle-events', 'automated-install'],
    needs: ['uninstall-approved'],
    async run(probe) {
      const old = await installed(probe);
      const { event_id: uninstall } = await probe.client.uninstall(old.installation_id, { deliver: false });
      await acknowledged(probe, uninstall, 'the app.uninstalled event');
      await approved(probe, old.installation_id, uninstall, 'uninstall');
      await probe.pause(secondMs);
      const again = await installed(probe, { account_name: old.account_name });
      await settled(probe, again.installation_id);
      const before = await newest(probe, again.installation_id);
      await acknowledged(probe, uninstall, 'a late copy of the app.uninstalled event of the old installation');
      const decisions = decisionCalls(await settled(probe, again.installation_id, { after: before, quietMs: 1_000 }));
      const state = await until(async () => (await probe.client.installation(again.installation_id)).state, 0);
      if (decisions.length === 0 && state === 'completed') return;
      throw new ScenarioFailure(
        'A late event of the old installation changes nothing about the new one.',
        `The new installation is ${state}${decisions.length === 0 ? '' : `, and a decision came: ${listed(decisions)}`}.`,
        'Key everything by installation_id; the newest created_at of an account is its active installation.',
      );
    },
  },
];
