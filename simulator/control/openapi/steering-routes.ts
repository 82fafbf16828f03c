import { z } from 'zod';
import { faultSchema } from '../../faults/schema.js';
import { overviewSchema } from '../overview.js';
import { scenarioQuerySchema } from '../scenarios.js';
import { clockSchema } from '../schemas.js';
import { scenarioSchema } from '../../scenarios/schema.js';
import { snapshotSchema } from '../../snapshot/snapshot.js';
import { verdictsSchema } from '../verdicts.js';
import { doneAnswer } from './answers.js';
import type { Descriptions } from './description.js';
import { overviewAnswer } from './overview-answers.js';
import * as answers from './steering-answers.js';

/** Clock, faults, verdicts, and everything at once. */
export const steeringRoutes: Descriptions = {
  'GET /clock': { summary: 'Where the clock stands', status: 200, answer: answers.clockAnswer },
  'POST /clock': {
    summary: 'Move the clock, freeze it, let it run',
    details:
      'Answers when everything that fell due on the way has happened, in order. Backwards (set) nothing happens. set: "now" goes to the machine\'s time, and runs with it from there.',
    body: clockSchema,
    status: 200,
    answer: answers.clockAnswer,
  },
  'GET /faults': { summary: 'The faults that are set', status: 200, answer: answers.faultsAnswer },
  'POST /faults': {
    summary: 'Set a fault of a route or of deliveries',
    body: faultSchema,
    status: 201,
    answer: answers.faultAddedAnswer,
  },
  'DELETE /faults': { summary: 'Remove every fault', status: 200, answer: doneAnswer },
  'DELETE /faults/{fault_id}': { summary: 'Remove a fault', status: 200, answer: doneAnswer },
  'GET /holds': { summary: 'Requests that a fault holds', status: 200, answer: answers.holdsAnswer },
  'POST /holds/{hold_id}/release': {
    summary: 'Let a held request go on',
    body: z.strictObject({}),
    status: 200,
    answer: doneAnswer,
  },
  'GET /scenarios': { summary: 'The scenarios that are loaded', status: 200, answer: answers.scenariosAnswer },
  'POST /scenarios': {
    summary: 'Load a scenario file',
    details: 'A file with mistakes is refused with line and column of each, and changes nothing.',
    query: scenarioQuerySchema,
    body: scenarioSchema,
    textTypes: ['application/yaml'],
    status: 201,
    answer: answers.scenarioAnswer,
  },
  'DELETE /scenarios/{scenario_id}': {
    summary: 'Take back the faults, switches and coming steps of a scenario',
    status: 200,
    answer: doneAnswer,
  },
  'GET /snapshot': {
    summary: 'The whole state, with every secret in it',
    details: 'Waits for what is under way, for some seconds.',
    status: 200,
    answer: snapshotSchema,
  },
  'PUT /snapshot': {
    summary: 'Put a snapshot in the place of everything',
    details:
      'Answers when what is then due has happened. One that is damaged, of another version or none is refused and changes nothing.',
    body: snapshotSchema,
    status: 200,
    answer: z.strictObject({ ok: z.literal(true), notes: z.array(z.string()) }),
  },
  'GET /verdicts': {
    summary: 'How partner backends conducted themselves, rule by rule',
    query: verdictsSchema,
    status: 200,
    answer: answers.verdictsAnswer,
  },
  'GET /overview': {
    summary: 'What the page shows',
    details:
      'Its ETag changes with everything but the passing of time; with If-None-Match an unchanged one is answered 304.',
    query: overviewSchema,
    status: 200,
    answer: overviewAnswer,
  },
  'GET /openapi.json': {
    summary: 'This document',
    status: 200,
    answer: z.looseObject({ openapi: z.literal('3.1.0'), paths: z.record(z.string(), z.unknown()) }),
  },
};
