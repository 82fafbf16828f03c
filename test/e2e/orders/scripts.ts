import assert from 'node:assert/strict';
import { awaitOutcomes } from '../../support/outcomes.js';
import type { Surroundings } from '../../support/stack.js';
import type { Plan } from './plan.js';

/** An account on which everything has happened at Talkdesk, and of which nothing but perhaps the install was delivered. */
export interface Happened {
  accountId: string;
  installationId: string;
  /** Ids of the events in the order of the script, the install first. */
  events: string[];
  /** Client of the newest credentials. */
  clientId: string;
}

const MINUTE_MS = 60_000;

/** Times a minute apart, the first ten minutes ago: the order of events must not hang on the second in which a test makes them. */
function times(): (number: number) => string {
  const startMs = Math.floor(Date.now() / 1_000) * 1_000 - 10 * MINUTE_MS;
  return (number) => new Date(startMs + number * MINUTE_MS).toISOString();
}

/**
 * Installed, updated, rotated, trial started, trial ended by an upgrade, then uninstalled or, with `last: 'updated'`, updated once more;
 * all of it before anything is delivered. Talkdesk changes settings only of an installation that is in use, so the updates are events
 * without a process at Talkdesk: a partner reads everything anew and finds the settings of the installation.
 */
export async function allBeforehand(
  { simulator: { control }, appId }: Surroundings,
  accountName: string,
  last: 'uninstalled' | 'updated',
): Promise<Happened> {
  const at = times();
  const later = (number: number) => ({ created_at: at(number), deliver: false });
  const installed = await control.createInstallation({
    app_id: appId,
    account_name: accountName,
    users: 4,
    plan: 'Paid Plus',
    ...later(0),
  });
  const { installation_id: id } = installed;
  const data = { users: { adding: ['5729d479081762d39b00009e'], removing: [] } };
  const updated = await control.sendEvent(id, { type: 'app.updated', data, ...later(1) });
  const rotated = await control.rotate(id, later(2));
  const started = await control.startTrial(id, later(3));
  const ended = await control.endTrial(id, { reason: 'plan_upgraded', ...later(4) });
  const lastMade =
    last === 'uninstalled'
      ? await control.uninstall(id, { trial_ended: 'none', ...later(5) })
      : await control.sendEvent(id, { type: 'app.updated', data: { subscription: {} }, ...later(5) });
  return {
    accountId: installed.account_id,
    installationId: id,
    events: [installed, updated, rotated, started, ended, lastMade].map((made) => made.event_id),
    clientId: rotated.client_id,
  };
}

/**
 * The same happenings to an installation that is in use: installed on a trial and approved, which starts the trial; then, before
 * anything else is delivered, other users, new credentials, and a paid plan with others again, which ends the trial; at last, with
 * `last: 'uninstalled'`, its end. Talkdesk must be set to prepare the trial's events (switch `trial_events`).
 */
export async function inUseBefore(
  surroundings: Surroundings,
  accountName: string,
  last: 'uninstalled' | 'updated',
): Promise<Happened> {
  const { control } = surroundings.simulator;
  const at = times();
  const installed = await control.createInstallation({
    app_id: surroundings.appId,
    account_name: accountName,
    users: 4,
    plan: 'Trial',
    created_at: at(0),
  });
  const { installation_id: id, account_id: accountId } = installed;
  assert.deepEqual(await awaitOutcomes(surroundings, [installed.event_id]), ['approved']);
  const [started] = await control.events({ installation_id: id, type: 'app.trial_started' });
  assert.ok(started);
  // Talkdesk has dated the trial itself; what follows comes after it.
  const after = (seconds: number) => ({
    created_at: new Date(Date.parse(started.created_at) + seconds * 1_000).toISOString(),
    deliver: false,
  });
  const [admin] = await control.accountUsers(accountId);
  assert.ok(admin);
  const updated = await control.update(id, { users: 6, ...after(1) });
  const rotated = await control.rotate(id, after(2));
  const users = [admin.id, { email: 'new@example.com', name: 'New' }];
  const upgraded = await control.update(id, { users, plan: 'Paid Plus', trial_ended: 'after', ...after(3) });
  const uninstalled = last === 'uninstalled' ? [await control.uninstall(id, { trial_ended: 'none', ...after(4) })] : [];
  return {
    accountId,
    installationId: id,
    events: [installed, updated, rotated, started, ...upgraded.events, ...uninstalled].map((made) => made.event_id),
    clientId: rotated.client_id,
  };
}

/** Delivers the events as the plan says, each acknowledged with 200, and waits until all have their outcomes; gives them by event. */
export async function play(surroundings: Surroundings, { events }: Happened, plan: Plan): Promise<string[]> {
  const { control } = surroundings.simulator;
  const come = new Set<string>();
  for (const burst of plan.bursts) {
    const ids = burst.map((number) => events[number] as string);
    const answers = await Promise.all(ids.map((id) => control.deliver(id)));
    assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [200], plan.name);
    for (const id of ids) come.add(id);
    if (plan.settles && come.has(events[0] as string)) await awaitOutcomes(surroundings, [...come]);
  }
  return await awaitOutcomes(surroundings, events);
}
