import { type Links, type LinksOf, link } from './links.js';
import { wireTime } from '../routes/reply.js';
import type { Switches } from '../world/switches.js';
import type { Beginning } from '../world/windows.js';
import type { Account, Client, CustomerSettings, Installation, Trial, TrialEnd } from '../world/world.js';

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

/** Bodies with the links of each account's region. */
export function createEventBodies(linksOf: LinksOf, switches: Switches): EventBodies {
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
  const selfLinks = ({ app, account }: Installation, { eventId }: Beginning) => ({
    root: link(linksOf(account).root),
    self: link(linksOf(account).event(app.id, eventId)),
  });
  const withInstallation = (installation: Installation, at: Beginning) => ({
    ...selfLinks(installation, at),
    installation: link(linksOf(installation.account).installation(installation)),
  });
  const trialEvent = (type: string, installation: Installation, data: object, at: Beginning) => ({
    ...start(type, installation, at, offsetTime),
    ...version(installation),
    data: { ...ids(installation), ...data },
    _links: withInstallation(installation, at),
  });

  /** Where tables and prose say more than the examples, a switch has events say it, too (talkdesk-api.md 9.4, 9.5, 9.13). */
  const users = ({ settings }: Installation) =>
    switches.installed_users === 'absent' ? {} : asWritten({ users: { adding: settings.userIds, removing: [] } });
  const repeated = ({ clients }: Installation) => {
    const newest = clients.at(-1);
    return switches.event_credentials === 'documented' || newest === undefined ? {} : credentials(newest);
  };
  const asWritten = (values: object) =>
    switches.event_values === 'objects'
      ? values
      : Object.fromEntries(Object.entries(values).map(([name, value]) => [name, asText(value)]));

  return {
    installed: (client, at) => ({
      ...start('app.installed', client.installation, at),
      ...namedVersion(client.installation),
      data: { ...namedIds(client.installation), ...credentials(client), ...users(client.installation) },
      _links: {
        ...selfLinks(client.installation, at),
        ...signOnLinks(linksOf(client.installation.account), client.installation.account, switches),
      },
    }),
    updated: (installation, { from, to }, at) => ({
      ...start('app.updated', installation, at),
      ...namedVersion(installation),
      data: {
        ...namedIds(installation),
        ...asWritten({ ...changedUsers(from, to), ...changedPlan(from, to) }),
        ...repeated(installation),
      },
      _links: selfLinks(installation, at),
    }),
    uninstalled: (installation, reason, at) => ({
      ...start('app.uninstalled', installation, at),
      ...namedVersion(installation),
      data: {
        ...namedIds(installation),
        ...(reason === undefined ? {} : asWritten({ reason })),
        ...repeated(installation),
      },
      _links: withInstallation(installation, at),
    }),
    trialStarted: (installation, trial, at) =>
      trialEvent('app.trial_started', installation, { expires_at: offsetTime(trial.expiresAt) }, at),
    trialExtended: (installation, trial, at) =>
      trialEvent('app.trial_extended', installation, { expires_at: offsetTime(trial.expiresAt) }, at),
    trialEnded(installation, { expiresAt, ended }, at) {
      const { at: endedAt, reason } = ended ?? { at: at.createdAt, reason: 'trial_expired' };
      const expiry = switches.trial_ended_expires_at === 'planned' ? expiresAt : endedAt;
      const end = { ended_at: offsetTime(endedAt), ended_reason: reason, ended_by: endedBy[reason] };
      return trialEvent('app.trial_ended', installation, { expires_at: offsetTime(expiry), ...end }, at);
    },
    rotated(client, at) {
      const { key_algorithm, ...others } = credentials(client);
      const written = switches.rotated_credentials === 'without-algorithm' ? others : { ...others, key_algorithm };
      const isTopLevel = switches.rotated_credentials === 'top-level';
      return {
        ...start('app.credentials_rotated', client.installation, at),
        ...namedVersion(client.installation),
        ...(isTopLevel ? written : {}),
        data: { ...namedIds(client.installation), ...(isTopLevel ? {} : written) },
        _links: selfLinks(client.installation, at),
      };
    },
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
        user: link(linksOf(installation.account).user(user.id)),
        installation: link(linksOf(installation.account).installation(installation)),
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

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function credentials(client: Client) {
  return {
    client_id: client.id,
    client_secret: client.secret,
    private_key: client.privateKeyText,
    public_key: client.publicKeyText,
    key_id: client.keyId,
    key_algorithm: client.algorithm,
  };
}

function signOnLinks(links: Links, account: Account, { token_link: name }: Switches): object {
  return {
    userinfo: link(`${links.root}/users/me`),
    authorization: link(links.authorization(account)),
    ...(name === 'absent' ? {} : { [name]: link(links.token(account.name)) }),
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
