import { type Links, link } from './links.js';
import { wireTime } from './reply.js';
import type { Installation } from './world.js';

/** One try to deliver an event. */
export interface Attempt {
  at: Date;
  /** null when there was no answer. */
  status: number | null;
  ms: number;
  error: string | null;
  delivered: boolean;
  /** False for one that the control API asked for: it stands outside the schedule of three. */
  scheduled: boolean;
}

/** An event with its exact bytes, which every attempt repeats (talkdesk-api.md 10.2). */
export interface EventRecord {
  readonly id: string;
  readonly type: string;
  readonly installation: Installation;
  readonly body: Buffer;
  readonly attempts: Attempt[];
  nextAttemptAt: Date | null;
}

/** `app.installed`, with everything that an installation needs (talkdesk-api.md 1.4). */
export function createInstalledEvent(id: string, installation: Installation, links: Links): EventRecord {
  const { app, account, client } = installation;
  const event = {
    id,
    created_at: wireTime(installation.createdAt),
    api_version: '1',
    type: 'app.installed',
    app_id: app.id,
    app_version_id: app.versionId,
    app_version_name: app.versionName,
    data: {
      installation_id: installation.id,
      account_id: account.id,
      account_name: account.name,
      client_id: client.id,
      client_secret: client.secret,
      private_key: client.privateKeyText,
      public_key: client.publicKeyText,
      key_id: client.keyId,
      key_algorithm: client.algorithm,
    },
    _links: {
      root: link(links.root),
      self: link(links.event(app.id, id)),
      userinfo: link(`${links.root}/users/me`),
      authorization: link(links.authorization(account)),
      token: link(links.token(account.name)),
    },
  };
  const body = Buffer.from(JSON.stringify(event));
  return { id, type: event.type, installation, body, attempts: [], nextAttemptAt: null };
}
