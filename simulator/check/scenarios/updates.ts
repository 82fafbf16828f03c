import type { RequestEntry } from '../../client/types.js';
import { acknowledged, approved, installed, newest, settled } from '../conduct.js';
import { ScenarioFailure } from '../failure.js';
import type { Probe } from '../probe.js';
import type { Scenario } from '../types.js';

/** More than one page of users at Talkdesk's default of twenty. */
const manyUsers = 45;

/** Scenarios about changes of users and plan. */
export const updates: readonly Scenario[] = [
  {
    name: 'update-approved',
    title: 'A change of users and plan is approved.',
    requirements: ['near-real-time', 'lifecycle-events'],
    needs: ['own-token-per-installation'],
    async run(probe) {
      const { installation_id: id } = await installed(probe, { users: 3 });
      const { event_id: event } = await probe.client.update(id, {
        users: 5,
        plan: { name: 'Paid Pro', type: 'paid', licenses: 10 },
        deliver: false,
      });
      await acknowledged(probe, event, 'the app.updated event');
      await approved(probe, id, event, 'update');
    },
  },
  {
    name: 'lost-update-event',
    title:
      'After an app.updated event was lost, the next one still ends in the right settings: they are read, not added up.',
    requirements: ['lifecycle-events', 'automated-install'],
    needs: ['update-approved'],
    async run(probe) {
      const { installation_id: id } = await installed(probe, { users: 3 });
      // What belongs to the install, such as reading its decision back, is over.
      await settled(probe, id);
      // Never delivered: as if all three attempts had failed.
      await probe.client.update(id, { users: manyUsers, plan: { name: 'Paid Pro', licenses: 60 }, deliver: false });
      const { event_id: event } = await probe.client.update(id, { licenses: 70, deliver: false });
      const before = await newest(probe, id);
      await acknowledged(probe, event, 'the app.updated event');
      await approved(probe, id, event, 'update');
      await expectSettingsRead(probe, id, before);
    },
  },
  {
    name: 'token-reuse',
    title: 'A token is used for as long as it lives, not fetched anew for each call.',
    requirements: ['technical-certification', 'expired-tokens'],
    needs: ['update-approved'],
    async run(probe) {
      const { installation_id: id } = await installed(probe);
      const processes = 3;
      for (let licenses = 10; licenses < 10 + processes - 1; licenses += 1) {
        const { event_id: event } = await probe.client.update(id, { licenses, deliver: false });
        await acknowledged(probe, event, 'the app.updated event');
        await approved(probe, id, event, 'update');
      }
      const requests = await probe.requests(id);
      const tokens = requests.filter(({ route, status }) => route === 'token' && status === 200).length;
      const calls = requests.filter(({ route }) => route !== 'token').length;
      probe.note(`${tokens} ${tokens === 1 ? 'token' : 'tokens'} for ${calls} calls in ${processes} processes`);
      if (tokens <= processes) return;
      throw new ScenarioFailure(
        'One token serves for its ten minutes; at most one is asked for in each process.',
        `${tokens} were asked for, for ${calls} calls in ${processes} processes.`,
        'Keep the token of each installation in memory until a minute before expires_in is over.',
      );
    },
  },
];

/** @throws ScenarioFailure unless all users and the subscription were read between the event and its approval */
async function expectSettingsRead(probe: Probe, id: string, before: number): Promise<void> {
  const requests = await probe.requests(id, before);
  const decided =
    requests.find(({ route, status }) => route === 'state' && status === 200)?.n ?? Number.POSITIVE_INFINITY;
  const read = requests.filter(({ n, status }) => n < decided && status === 200);
  const missing = [
    ...missingUsers(read),
    ...(read.some(({ route }) => route === 'subscription') ? [] : ['the subscription']),
  ];
  if (missing.length === 0) return;
  throw new ScenarioFailure(
    'Users and subscription are read after an app.updated event and before its approval, because an earlier event may have been lost.',
    `The update was approved without reading ${missing.join(' and ')}.`,
    'What the event carries is a difference; read .../users (every page) and .../subscription, and bring the account in line with them.',
  );
}

function missingUsers(read: readonly RequestEntry[]): string[] {
  const pages = read.filter(({ route }) => route === 'users');
  if (pages.length === 0) return ['the users'];
  const seen = new Set<number>();
  for (const { query } of pages) {
    const asked = new URLSearchParams(query);
    const page = Number(asked.get('page') ?? 1);
    const perPage = Number(asked.get('per_page') ?? 20);
    for (let user = (page - 1) * perPage; user < Math.min(page * perPage, manyUsers); user += 1) seen.add(user);
  }
  return seen.size === manyUsers ? [] : [`all users (${seen.size} of ${manyUsers})`];
}
