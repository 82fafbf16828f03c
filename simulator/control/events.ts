import type { Request, Router } from 'express';
import type { VirtualClock } from '../world/clock.js';
import { ControlProblem, found, readInput } from './problem.js';
import { deliverSchema, eventsQuerySchema, rawEventSchema, rotateKeySchema } from './schemas.js';
import { attemptView, eventView } from './views.js';
import type { Deliverer } from '../events/delivery.js';
import type { EventRecord, Events } from '../events/events.js';
import { randomId } from '../world/ids.js';
import type { Signer } from '../events/signing.js';
import { type SignRequest, signSchema } from '../world/switches.js';
import type { Regions } from '../world/regions.js';
import type { World } from '../world/world.js';

/** What the routes of events need. */
export interface EventDeps {
  world: World;
  events: Events;
  deliverer: Deliverer;
  signer: Signer;
  clock: VirtualClock;
  regions: Regions;
}

/** Routes of events that were made: to look at, deliver again or later, sign without sending; and of bytes sent as they are. */
export function addEventRoutes(router: Router, { world, events, deliverer, signer, clock, regions }: EventDeps): void {
  const eventOf = (request: Request) => found(events.find(String(request.params['event_id'])), 'event');

  async function deliverOnce(event: EventRecord, sign: SignRequest | undefined, callbackUrl?: string): Promise<object> {
    const attempt = await deliverer.once(event, {
      ...(sign === undefined ? {} : { sign }),
      ...(callbackUrl === undefined ? {} : { callbackUrl }),
    });
    const { status, ms, error } = attemptView(attempt);
    return { status, ms, ...(error === null ? {} : { error }) };
  }

  router.get('/events', (request, response) => {
    const { installation_id: installationId, type } = readInput(eventsQuerySchema, request.query, 'query');
    const filter = {
      ...(installationId === undefined ? {} : { installationId }),
      ...(type === undefined ? {} : { type }),
    };
    response.json({ events: events.all(filter).map(eventView) });
  });
  router.post('/events', async (request, response) => {
    const raw = readInput(rawEventSchema, request.body);
    const app = raw.app_id === undefined ? undefined : world.apps.get(raw.app_id);
    const target = app ?? (raw.callback_url === undefined ? undefined : { callbackUrl: raw.callback_url });
    if (target === undefined) throw new ControlProblem(400, `app_id: ${raw.app_id} is not registered.`);
    const event = events.keep({
      id: randomId(),
      type: 'raw',
      region: raw.region ?? regions.first.name,
      target,
      body: bytesOf(raw),
      createdAt: clock.now(),
    });
    const answer = raw.deliver === false ? {} : await deliverOnce(event, raw.sign);
    response.status(201).json({ event_id: event.id, ...answer });
  });
  router.get('/events/:event_id', (request, response) => {
    response.json(eventView(eventOf(request)));
  });
  router.post('/events/:event_id/deliver', async (request, response) => {
    const { sign, callback_url: callbackUrl, schedule, at } = readInput(deliverSchema, request.body);
    const event = eventOf(request);
    if (schedule !== true) {
      response.json(await deliverOnce(event, sign, callbackUrl));
      return;
    }
    if (at === undefined) deliverer.startInOrder([event]);
    else deliverer.startAt(new Date(at), event);
    response.status(202).json(eventView(event));
  });
  router.get('/events/:event_id/signed', (request, response) => {
    const { headers, body } = signer.sign(eventOf(request), readInput(signSchema, request.query, 'query'));
    response.json({
      headers: { 'Content-Type': 'application/json', ...headers },
      body_base64: body.toString('base64'),
    });
  });
  router.post('/signature-keys/rotate', (request, response) => {
    const { region = regions.first.name } = readInput(rotateKeySchema, request.body);
    response.json({ region, key_id: signer.rotate(region) });
  });
}

function bytesOf(raw: { json?: unknown; text?: string | undefined; base64?: string | undefined }): Buffer {
  if (raw.base64 !== undefined) return Buffer.from(raw.base64, 'base64');
  return Buffer.from(raw.text ?? JSON.stringify(raw.json));
}
