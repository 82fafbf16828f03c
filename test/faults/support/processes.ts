import assert from 'node:assert/strict';
import { awaitOutcomes } from '../../support/outcomes.js';
import type { CreatedInstallation } from '../../support/simulator.js';
import type { Surroundings } from '../../support/stack.js';

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

/** Makes the event of an account that `accountFor` has made. */
export async function eventFor(
  { simulator: { control } }: Surroundings,
  kind: Kind,
  installed: CreatedInstallation,
): Promise<Undelivered> {
  const { installation_id: id } = installed;
  const later = { deliver: false };
  const make = {
    install: async () => installed,
    update: () => control.update(id, { users: 5, plan: 'Paid Max', licenses: 7, ...later }),
    uninstall: () => control.uninstall(id, later),
    rotation: () => control.rotate(id, later),
  };
  return { kind, installed, eventId: (await make[kind]()).event_id };
}
