import { type Links, link } from './links.js';
import { wireTime } from './reply.js';
import type { Beginning } from './windows.js';
import type { Account, Client, CustomerSettings, Installation, Trial, TrialEnd } from './world.js';

/** The bodies of the eight events, field by field as talkdesk-api.md 1.4 has them. */
export interface EventBodies {
  installed(client: Client, beginning: Beginning): object;
  /** Deltas between two settings: keys that did not change are left out. */
  updated(installation: Installation, change: { from: CustomerSettings; to: CustomerSettings }, at: Beginning): object;
  /** Undefined leaves the reason out. */
  uninstalled(installation: Installation, reason: unknown, at: Beginning): object;
  trialStarted(installation: Installation, trial: Trial, at: Beginning): object;
  trialExtended(installation: Installation, trial: Trial, at: Beginning): object;
  trialEnded(installation: Installation, trial: Trial, at: Beginning): object;
  rotated(client: Client, at: Beginning): object;
  loggedOut(installation: Installation, user: { id: string; email: string }, at: Beginning): object;
  /** Any other type, in the same envelope. */
  other(installation: Installation, type: string, data: object, at: Beginning): object;
}

/** A time as trial and logout events print it: milliseconds and `+00:00` (talkdesk-api.md 1.2). */
function offsetTime(at: Date): string {
  return at.toISOString().replace('Z', '+00:00');
}

/** Who ends a trial for each reason (talkdesk-api.md 1.4). */
const endedBy: Record<TrialEnd, 'system' | 'user'> = {
  trial_expired: 'system',
  app_uninstalled: 'user',
  plan_upgraded: 'user',
};

/** Bodies with these links. */
export function createEventBodies(links: Links): EventBodies {
  const start = (type: string, { app }: Installation, { eventId, createdAt }: Beginning, printTime = wireTime) => ({
    id: eventId,
    created_at: printTime(createdAt),
    api_version: '1',
    type,
    app_id: app.id,
  });
  const version = ({ app }: Installation) => ({ app_version_id: app.versionId });
  const namedVersion = ({ app }: Installation) => ({
    app_version_id: app.versionId,
    app_version_name: app.versionName,
  });
  const ids = ({ id, account }: Installation) => ({ installation_id: id, account_id: account.id });
  const namedIds = (installation: Installation) => ({ ...ids(installation), account_name: installation.account.name });
  const selfLinks = ({ app }: Installation, { eventId }: Beginning) => ({
    root: link(links.root),
    self: link(links.event(app.id, eventId)),
  });
  const withInstallation = (installation: Installation, at: Beginning) => ({
    ...selfLinks(installation, at),
    installation: link(links.installation(installation)),
  });
  const trialEvent = (type: string, installation: Installation, data: object, at: Beginning) => ({
    ...start(type, installation, at, offsetTime),
    ...version(installation),
    data: { ...ids(installation), ...data },
    _links: withInstallation(installation, at),
  });

  return {
    installed: (client, at) => ({
      ...start('app.installed', client.installation, at),
      ...namedVersion(client.installation),
      data: { ...namedIds(client.installation), ...credentials(client) },
      _links: { ...selfLinks(client.installation, at), ...signOnLinks(links, client.installation.account) },
    }),
    updated: (installation, { from, to }, at) => ({
      ...start('app.updated', installation, at),
      ...namedVersion(installation),
      data: { ...namedIds(installation), ...changedUsers(from, to), ...changedPlan(from, to) },
      _links: selfLinks(installation, at),
    }),
    uninstalled: (installation, reason, at) => ({
      ...start('app.uninstalled', installation, at),
      ...namedVersion(installation),
      data: { ...namedIds(installation), ...(reason === undefined ? {} : { reason }) },
      _links: withInstallation(installation, at),
    }),
    trialStarted: (installation, trial, at) =>
      trialEvent('app.trial_started', installation, { expires_at: offsetTime(trial.expiresAt) }, at),
    trialExtended: (installation, trial, at) =>
      trialEvent('app.trial_extended', installation, { expires_at: offsetTime(trial.expiresAt) }, at),
    trialEnded(installation, { expiresAt, ended }, at) {
      const { at: endedAt, reason } = ended ?? { at: at.createdAt, reason: 'trial_expired' };
      const end = { ended_at: offsetTime(endedAt), ended_reason: reason, ended_by: endedBy[reason] };
      return trialEvent('app.trial_ended', installation, { expires_at: offsetTime(expiresAt), ...end }, at);
    },
    rotated: (client, at) => ({
      ...start('app.credentials_rotated', client.installation, at),
      ...namedVersion(client.installation),
      data: { ...namedIds(client.installation), ...credentials(client) },
      _links: selfLinks(client.installation, at),
    }),
    loggedOut: (installation, user, at) => ({
      ...start('user.logout', installation, at, offsetTime),
      data: {
        account_id: installation.account.id,
        user_id: user.id,
        user_email: user.email,
        installation_id: installation.id,
      },
      _links: {
        ...selfLinks(installation, at),
        user: link(links.user(user.id)),
        installation: link(links.installation(installation)),
      },
    }),
    other: (installation, type, data, at) => ({
      ...start(type, installation, at),
      ...namedVersion(installation),
      data: { ...namedIds(installation), ...data },
      _links: selfLinks(installation, at),
    }),
  };
}

function credentials(client: Client): object {
  return {
    client_id: client.id,
    client_secret: client.secret,
    private_key: client.privateKeyText,
    public_key: client.publicKeyText,
    key_id: client.keyId,
    key_algorithm: client.algorithm,
  };
}

function signOnLinks(links: Links, account: Account): object {
  return {
    userinfo: link(`${links.root}/users/me`),
    authorization: link(links.authorization(account)),
    token: link(links.token(account.name)),
  };
}

function changedUsers(from: CustomerSettings, to: CustomerSettings): object {
  const [before, after] = [new Set(from.userIds), new Set(to.userIds)];
  const adding = [...after].filter((id) => !before.has(id));
  const removing = [...before].filter((id) => !after.has(id));
  return adding.length + removing.length === 0 ? {} : { users: { adding, removing } };
}

/** `licenses` is a string (talkdesk-api.md 1.4). */
function changedPlan({ plan: from }: CustomerSettings, { plan: to }: CustomerSettings): object {
  const adding = {
    ...(from.name === to.name && from.type === to.type ? {} : { name: to.name }),
    ...(from.licenses === to.licenses ? {} : { licenses: String(to.licenses) }),
  };
  return Object.keys(adding).length === 0 ? {} : { subscription: { adding } };
}
