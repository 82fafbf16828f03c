import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.js';
import { awaitOutcomes } from '../../support/outcomes.js';
import type { CreatedInstallation } from '../../support/simulator.js';
import type { Surroundings } from '../../support/stack.js';

/** The four processes that Talkdesk waits for (talkdesk-api.md 7.1). */
export const KINDS = ['install', 'update', 'uninstall', 'rotation'] as const;
export type Kind = (typeof KINDS)[number];

/** How each kind ends when nothing goes wrong for good: its outcome, and the installation's state at Talkdesk. */
export const ENDS: Readonly<Record<Kind, { outcome: string; state: string; decided: string[] }>> = {
  install: { outcome: 'approved', state: 'completed', decided: ['install approve'] },
  update: { outcome: 'approved', state: 'completed', decided: ['install approve', 'update approve'] },
  uninstall: { outcome: 'approved', state: 'revoked', decided: ['install approve', 'uninstall approve'] },
  rotation: { outcome: 'acknowledged', state: 'completed', decided: ['install approve'] },
};

/** A process whose event has been made and not been sent. */
export interface Undelivered {
  kind: Kind;
  installed: CreatedInstallation;
  eventId: string;
}

/** Installs an account of its own, unless that is what is wanted. */
export async function accountFor(surroundings: Surroundings, kind: Kind): Promise<CreatedInstallation> {
  const { control } = surroundings.simulator;
  const isInstall = kind === 'install';
  const made = await control.createInstallation({ app_id: surroundings.appId, users: 3, deliver: !isInstall });
  if (!isInstall) assert.deepEqual(await awaitOutcomes(surroundings, [made.event_id]), ['approved']);
  return made;
}

/**
 * Makes the event of an account that `accountFor` has made.
 *
 * @param nth how many of this kind the account has had: other settings each time, so that ones that are lost show
 */
export async function eventFor(
  { simulator: { control } }: Surroundings,
  kind: Kind,
  installed: CreatedInstallation,
  nth = 0,
): Promise<Undelivered> {
  const { installation_id: id } = installed;
  const later = { deliver: false };
  const settings = { users: 5 + (nth % 3), plan: 'Paid Max', licenses: 7 + (nth % 5) };
  if (kind === 'rotation' && nth > 0) await nextSecond();
  const make = {
    install: async () => installed,
    update: () => control.update(id, { ...settings, ...later }),
    uninstall: () => control.uninstall(id, later),
    rotation: () => control.rotate(id, later),
  };
  return { kind, installed, eventId: (await make[kind]()).event_id };
}

/**
 * Events have whole seconds, and their order within one is that of their ids: a rotation in the second of the one before may be the
 * older of the two, and is then superseded.
 */
async function nextSecond(): Promise<void> {
  const second = () => Math.floor(Date.now() / 1_000);
  const now = second();
  await eventually('the next second has begun', async () => second() > now);
}
