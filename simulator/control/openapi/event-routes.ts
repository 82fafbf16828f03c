import * as schemas from '../schemas.js';
import { signSchema } from '../../world/switches.js';
import * as answers from './event-answers.js';
import type { Descriptions } from './description.js';

/** Events, deliveries and requests. */
export const eventRoutes: Descriptions = {
  'GET /events': {
    summary: 'Events and their attempts, in the order in which they were made',
    query: schemas.eventsQuerySchema,
    status: 200,
    answer: answers.eventsAnswer,
  },
  'POST /events': {
    summary: 'Bytes as they are, signed and sent once to an app or a URL',
    details: 'One of json, text and base64, and one of app_id and callback_url.',
    body: schemas.rawEventSchema,
    status: 201,
    answer: answers.rawSentAnswer,
  },
  'GET /events/{event_id}': { summary: 'An event and its attempts', status: 200, answer: answers.eventAnswer },
  'POST /events/{event_id}/deliver': {
    summary: 'Deliver an event once now, or by the schedule',
    details:
      'schedule: true starts the schedule of three, at once or at a time of the clock, and is answered 202 with the event.',
    body: schemas.deliverSchema,
    status: 200,
    answer: answers.deliveryAnswer,
  },
  'GET /events/{event_id}/signed': {
    summary: 'Headers and bytes of a delivery that is not sent',
    query: signSchema,
    status: 200,
    answer: answers.signedAnswer,
  },
  'POST /signature-keys/rotate': {
    summary: 'A new key for the signatures of a region',
    body: schemas.rotateKeySchema,
    status: 200,
    answer: answers.rotatedKeyAnswer,
  },
  'GET /requests': {
    summary: 'The requests that came in, oldest first, without secrets',
    query: schemas.requestsQuerySchema,
    status: 200,
    answer: answers.requestsAnswer,
  },
};
