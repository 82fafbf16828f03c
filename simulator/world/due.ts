import type { TrialEnd } from './world.js';

/**
 * What waits for its time, as data: whoever schedules something says so, since a snapshot has to schedule it again. Ids name what
 * it is about.
 */
export type Due =
  /** The window of a process ends. */
  | { what: 'window'; installationId: string; eventId: string }
  /** The trial that is then under way ends. */
  | { what: 'trial-end'; installationId: string }
  /** The clients older than this one are revoked. */
  | { what: 'revocation'; clientId: string }
  /** The schedule of an event begins. */
  | { what: 'delivery'; eventId: string }
  /** The schedule of an event, put off by a fault, begins; `held`: until another event was delivered, if that is earlier. */
  | { what: 'put-off-delivery'; eventId: string; held: boolean }
  /** An attempt of a schedule that began then. */
  | { what: 'attempt'; eventId: string; number: number; firstAt: string }
  /** A copy outside the schedule. */
  | { what: 'copy'; eventId: string }
  /** A step of a scenario, by its place in the file. */
  | { what: 'step'; scenarioId: string; index: number };

/** By event: why the trial is to end once its process is approved. */
export type TrialEndings = Map<string, TrialEnd>;
