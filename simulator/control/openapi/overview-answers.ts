import { z } from 'zod';
import { installationAnswer, installationStates, printedTime, regionName, settingsAnswer } from './answers.js';

/** One line of the log: a delivery to the partner, or a request of the partner's. */
export const logLineAnswer = z.strictObject({
  /** The same as long as the line is about the same thing; what it says can still change. */
  key: z.string(),
  at: printedTime,
  direction: z.enum(['delivery', 'request']),
  installation_id: z.string().nullable(),
  account_name: z.string().nullable(),
  /** The event's type, or the name of the route. */
  what: z.string(),
  /** For a delivery the event's id, for a request its method and path. */
  detail: z.string(),
  status: z.int().nullable(),
  ms: z.number(),
  judgement: z.enum(['good', 'wrong', 'fault', 'open']),
  /** In words: what was verified, or what was wrong. */
  verdict: z.string(),
  more: z.string().nullable(),
});

const plan = installationAnswer.shape.plan;

const listed = {
  installation_id: z.string(),
  app_id: z.string(),
  account_id: z.string(),
  account_name: z.string(),
  region: regionName,
  state: z.enum(installationStates),
  state_reason: z.string().nullable(),
  updated_at: printedTime,
  users_total: z.int(),
  plan,
  trial_expires_at: printedTime.nullable(),
  waiting: z.array(
    z.strictObject({
      kind: installationAnswer.shape.processes.element.shape.kind,
      event_id: z.string(),
      created_at: printedTime,
      deadline: printedTime,
    }),
  ),
  run_link: z.url().nullable(),
};

/** `GET /overview`: what the page shows. */
export const overviewAnswer = z.strictObject({
  clock: z.strictObject({
    now: printedTime,
    offset_ms: z.number(),
    mode: z.enum(['running', 'frozen']),
    next_due_at: printedTime.nullable(),
  }),
  apps: z.array(z.strictObject({ app_id: z.string(), callback_url: z.url(), version_name: z.string() })),
  totals: z.strictObject({
    accounts: z.int(),
    installations: z.int(),
    waiting: z.int(),
    faults: z.int(),
  }),
  installations: z.strictObject({
    matching: z.int(),
    offset: z.int(),
    items: z.array(z.strictObject(listed)),
  }),
  selected: installationAnswer.extend({ ...listed, settings: settingsAnswer }).nullable(),
  log: z.array(logLineAnswer),
  switches: z.record(z.string(), z.unknown()),
});
