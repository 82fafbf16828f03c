import { z } from 'zod';
import {
  installationSchema,
  logoutSchema,
  otherEventSchema,
  rotateSchema,
  trialEndSchema,
  trialExpirySchema,
  uninstallSchema,
  updateSchema,
} from '../control/schemas.js';
import { fromNowSchema } from '../faults/duration.js';
import { routeFaultSchema, unroutedDeliveryFaultSchema } from '../faults/schema.js';
import { byKind, strict } from '../faults/strict.js';
import { signSchema, switchesSchema } from '../world/switches.js';

const switches = strict({ ...switchesSchema.shape, sign: strict(signSchema.shape).optional() });

/** When, counted on the simulator's clock from the moment the scenario is loaded. */
const at = fromNowSchema;

const besideWith = { installation_id: 'it stands beside "with", not under it' };

/** A step that makes an event, with the fields of the route that makes it. */
function happening<K extends string, T extends z.core.$ZodShape>(name: K, shape: T) {
  return strict({
    at,
    do: z.literal(name),
    /** The newest one unless said. */
    installation_id: z.string().min(1).optional(),
    with: strict(shape, besideWith).optional(),
  });
}

const { app_id: appId, ...installed } = installationSchema.shape;
const { type, data, ...otherFields } = otherEventSchema.shape;

/** One thing that a scenario does at its time, as the control API does it. */
export const stepSchema = byKind('do', [
  strict({
    at,
    do: z.literal('app.installed'),
    /** The app may be left out: the one that was registered first. */
    with: strict({ app_id: appId.optional(), ...installed }).optional(),
  }),
  happening('app.updated', updateSchema.shape),
  happening('app.uninstalled', uninstallSchema.shape),
  happening('app.credentials_rotated', rotateSchema.shape),
  happening('app.trial_started', trialExpirySchema.shape),
  happening('app.trial_extended', trialExpirySchema.shape),
  happening('app.trial_ended', trialEndSchema.shape),
  happening('user.logout', logoutSchema.shape),
  strict({
    at,
    do: z.literal('event'),
    installation_id: z.string().min(1).optional(),
    with: strict({ type, data, ...otherFields }, besideWith),
  }),
  strict({ at, do: z.literal('switches'), with: switches }),
  strict({ at, do: z.literal('fault'), with: routeFaultSchema }),
  strict({ at, do: z.literal('delivery-fault'), with: unroutedDeliveryFaultSchema }),
  /** All faults, also those that the scenario did not set. */
  strict({ at, do: z.literal('clear-faults') }),
]);
export type Step = z.infer<typeof stepSchema>;

/** A scenario file. */
export const scenarioSchema = strict({
  name: z.string().min(1).max(100),
  description: z.string().max(10_000).optional(),
  /** From which every draw of its faults follows; 1 unless said. */
  seed: z.int().min(0).max(4_294_967_295).optional(),
  switches: switches.optional(),
  faults: z.array(routeFaultSchema).max(1000).optional(),
  deliveries: z.array(unroutedDeliveryFaultSchema).max(1000).optional(),
  steps: z.array(stepSchema).max(1000).optional(),
});
export type Scenario = z.infer<typeof scenarioSchema>;
