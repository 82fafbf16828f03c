import { z } from 'zod';
import { routeNames } from '../../faults/route-names.js';
import { printedTime } from './answers.js';

/** Where the clock stands. */
export const clockAnswer = z.strictObject({
  now: printedTime,
  /** How far it is from the machine's clock. */
  offset_ms: z.number(),
  mode: z.enum(['running', 'frozen']),
  /** Those who are told the time at each step of a jump, and why the last telling failed. */
  followers: z.array(z.strictObject({ url: z.url(), last_error: z.string().nullable() })),
});

/** `POST /faults`. */
export const faultAddedAnswer = z.strictObject({ id: z.string() });

/** A fault as it was set, how often it still applies, and how often it did. */
export const faultAnswer = z.looseObject({
  id: z.string(),
  kind: z.string(),
  /** null: until it is removed. */
  left: z.int().nullable(),
  used: z.int(),
});

/** `GET /faults`. */
export const faultsAnswer = z.strictObject({ faults: z.array(faultAnswer) });

/** `GET /holds`: requests that wait until they are released. */
export const holdsAnswer = z.array(
  z.strictObject({
    id: z.string(),
    route: z.enum(routeNames),
    installation_id: z.string().nullable(),
    since: printedTime,
    when: z.enum(['before', 'after']),
    /** The caller has hung up; releasing still lets a `before` request take effect. */
    client_gone: z.boolean(),
  }),
);

/** A scenario that was loaded. */
export const scenarioAnswer = z.strictObject({
  scenario_id: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  seed: z.number(),
  loaded_at: printedTime,
  fault_ids: z.array(z.string()),
  steps: z.array(
    z.strictObject({
      at: printedTime,
      do: z.string(),
      /** null until its time has come; then done, or why it could not be done. */
      outcome: z.string().nullable(),
    }),
  ),
});

/** `GET /scenarios`. */
export const scenariosAnswer = z.strictObject({ scenarios: z.array(scenarioAnswer) });

/** `GET /verdicts`: how a backend conducted itself. */
export const verdictsAnswer = z.strictObject({
  rules: z.array(
    z.strictObject({
      rule: z.string(),
      title: z.string(),
      /** Where the rule is written. */
      source: z.string(),
      status: z.enum(['kept', 'broken', 'not-seen']),
      checked: z.int(),
      broken_total: z.int(),
      /** The last two hundred, oldest first. */
      broken: z.array(
        z.strictObject({
          at: printedTime,
          installation_id: z.string().nullable(),
          event_id: z.string().nullable(),
          request: z.int().nullable(),
          what: z.string(),
        }),
      ),
    }),
  ),
  figures: z.record(z.string(), z.unknown()),
});
