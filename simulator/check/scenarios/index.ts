import type { Scenario } from '../types.js';
import { changes } from './changes.js';
import { deliveries } from './deliveries.js';
import { durability } from './durability.js';
import { installing } from './installing.js';
import { load } from './load.js';
import { signatures } from './signatures.js';
import { trouble } from './trouble.js';
import { uninstalling } from './uninstalling.js';
import { updates } from './updates.js';
import { windows } from './window.js';

/** In the order in which they run: each after those it builds on, the one that moves the clock last. */
const order = [
  'install-approved',
  'own-token-per-installation',
  'signature-refused',
  'signature-forms',
  'duplicate-delivery',
  'unknown-event',
  'update-approved',
  'lost-update-event',
  'token-reuse',
  'retry-after-respected',
  'failing-api',
  'slow-api',
  'uninstall-approved',
  'uninstall-with-dead-credentials',
  'out-of-order',
  'reinstall',
  'rotation',
  'regions',
  'trial-events',
  'acknowledgement-load',
  'durable-acknowledgement',
  'no-secret-in-url',
  'window',
];

const known: readonly Scenario[] = [
  ...installing,
  ...signatures,
  ...deliveries,
  ...updates,
  ...trouble,
  ...uninstalling,
  ...changes,
  ...load,
  ...durability,
  ...windows,
];

/** All scenarios, in the order in which they run. */
export const scenarios: readonly Scenario[] = [...known].sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
