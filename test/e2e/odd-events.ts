import { randomUUID } from 'node:crypto';

/** An event as it was made; its members are looked at by path only. */
export interface EventBody {
  id: string;
  created_at: string;
  type: string;
  data: Record<string, unknown>;
  _links: Record<string, unknown>;
  [name: string]: unknown;
}

/** One form of an event, under an id of its own. */
export interface Form {
  what: string;
  eventId: string;
  text: string;
}

/** Ids that a careless program would take apart, decode, resolve or look up. */
export const ODD_IDS = [
  'a/b',
  '../../apps',
  'a.b',
  '...',
  '%2e%2e%2f',
  '100%',
  'ünï💥',
  '__proto__',
  'constructor',
  'a b?c#d&e=f;g',
  "x'; DROP TABLE process; --",
];

/** Just under the largest body that is taken, with room for the rest of the event. */
const HUGE = 2 * 1024 * 1024 - 16 * 1024;
/** Each form is a second younger than the one before, so that the order of events is theirs. */
let formsMade = 0;

function fresh(body: EventBody): EventBody {
  formsMade += 1;
  const createdMs = Math.floor(Date.now() / 1_000) * 1_000 - 30 * 60_000 + formsMade * 1_000;
  const time = body.created_at.endsWith('Z')
    ? new Date(createdMs).toISOString().replace('.000Z', 'Z')
    : new Date(createdMs).toISOString().replace('Z', '+00:00');
  return { ...structuredClone(body), id: randomUUID().replaceAll('-', ''), created_at: time };
}

/** The event with other ids in its data. */
export function withIds(body: EventBody, ids: Record<string, unknown>): Form {
  const event = fresh(body);
  return { what: 'other ids', eventId: event.id, text: JSON.stringify({ ...event, data: { ...event.data, ...ids } }) };
}

/** Forms of an event that say all that is needed. `foreign` is an installation that must not be mistaken for the event's own. */
export function lenientForms(body: EventBody, foreign: string): Form[] {
  const form = (what: string, change: (event: EventBody) => unknown): Form => {
    const event = fresh(body);
    const text = change(event) ?? event;
    return { what, eventId: event.id, text: typeof text === 'string' ? text : JSON.stringify(text) };
  };
  const isInstall = body.type === 'app.installed';
  return [
    form('without anything optional', (event) => {
      for (const name of ['api_version', 'app_version_id', 'app_version_name']) delete event[name];
      for (const name of Object.keys(event.data).filter((name) => !needs(body.type, name))) delete event.data[name];
      if (isInstall) event._links = { root: event._links['root'], token: event._links['token'] };
      else delete (event as Record<string, unknown>)['_links'];
    }),
    form('the other form of time', (event) => {
      const iso = new Date(event.created_at).toISOString();
      event.created_at = event.created_at.endsWith('Z') ? iso.replace('Z', '+00:00') : iso.replace('.000Z', 'Z');
    }),
    form('numbers for texts, texts for numbers and objects', (event) => {
      Object.assign(event, { api_version: 1, app_version_name: 7, app_version_id: 12 });
      Object.assign(event.data, { users: 'all', subscription: '10', reason: 'text', expires_at: 7, ended_at: false });
      Object.assign(event.data, { ended_reason: ['a'], licenses: '10', user_email: 1, public_key: 0 });
    }),
    form('fields that nobody knows', (event) => {
      Object.assign(event, { extra: { deep: [1, null] }, installationId: foreign, Installation_id: foreign });
      Object.assign(event.data, { extra: 'x', installationId: foreign, installation: { id: foreign } });
    }),
    form('a huge text', (event) => {
      event['app_version_name'] = 'x'.repeat(HUGE / 2);
      event.data['reason'] = { type: 'other', message: 'y'.repeat(HUGE / 2) };
    }),
    form('members named __proto__ and constructor', (event) => {
      const evil = `{"installation_id":${JSON.stringify(foreign)},"polluted":true}`;
      const odd = `"__proto__":${evil},"constructor":{"prototype":${evil}},"hasOwnProperty":1,`;
      return JSON.stringify(event).replace('{', `{${odd}`).replace('"data":{', `"data":{${odd}`);
    }),
    form('two different ids and types', (event) => {
      Object.assign(event, { event_id: randomUUID(), event_type: 'app.uninstalled', installation_id: foreign });
    }),
    form('its data at the top level', (event) => {
      const { data, ...rest } = event;
      return { ...data, ...rest };
    }),
    {
      ...form('an odd event id', (event) => {
        event.id = `a/b/../%2e ünï💥 __proto__ ${formsMade}`;
      }),
      eventId: `a/b/../%2e ünï💥 __proto__ ${formsMade}`,
    },
  ];
}

/** Forms of an event that lack something which is needed: kept, and never acted on. */
export function brokenForms(body: EventBody): Form[] {
  const form = (what: string, change: (event: EventBody) => void): Form => {
    const event = fresh(body);
    change(event);
    return { what, eventId: event.id, text: JSON.stringify(event) };
  };
  const withoutUse = (name: string) => [
    form(`no ${name}`, (event) => {
      delete event.data[name];
    }),
  ];
  return [
    ...withoutUse('installation_id'),
    ...withoutUse('account_id'),
    ...Object.keys(body.data)
      .filter((name) => NEEDED[body.type]?.includes(name))
      .flatMap(withoutUse),
    form('an app that is not configured', (event) => {
      event['app_id'] = 'f'.repeat(32);
    }),
  ];
}

const CREDENTIALS = ['client_id', 'private_key', 'key_id'];
/** What else the data of a type must have, and what it is useless without. */
const NEEDED: Record<string, string[]> = {
  'app.installed': ['account_name', 'key_algorithm', ...CREDENTIALS],
  'app.credentials_rotated': CREDENTIALS,
  'user.logout': [],
};

function needs(type: string, name: string): boolean {
  return ['installation_id', 'account_id', 'user_id', ...(NEEDED[type] ?? [])].includes(name);
}
