/** What an event says, as parsed JSON. */
export type EventBody = Record<string, unknown> & { data: Record<string, unknown> };

const root = { href: 'https://api.talkdeskapp.com' };
const self = { href: 'https://api.talkdeskapp.com/apps/app-1/events/event-1' };
const installation = { href: 'https://api.talkdeskapp.com/apps/app-1/installations/installation-1' };
const subject = { installation_id: 'installation-1', account_id: 'account-1' };

/** Readable stand-ins that no test may find anywhere but in a credential set. */
export const SECRETS = { client_secret: 'the-client-secret', private_key: 'dGhlLXByaXZhdGUta2V5' };

const credentials = {
  client_id: 'client-2',
  ...SECRETS,
  public_key: 'dGhlLXB1YmxpYy1rZXk=',
  key_id: 'key-2',
  key_algorithm: 'ES256',
};

function event(type: string, createdAt: string, data: Record<string, unknown>, links: object): EventBody {
  return {
    id: 'event-1',
    created_at: createdAt,
    api_version: '1',
    type,
    app_id: 'app-1',
    app_version_id: 'version-1',
    app_version_name: '1.4.0',
    data: { ...subject, ...data },
    _links: { root, self, ...links },
  };
}

/** The eight events as talkdesk-api.md 1.4 shows them, in fresh copies. */
export function documentedEvents() {
  const {
    app_version_id: _id,
    app_version_name: _name,
    ...logout
  } = event(
    'user.logout',
    '2026-01-06T10:00:00.000+00:00',
    { user_id: 'user-1', user_email: 'ada@acme.example' },
    { user: { href: 'https://api.talkdeskapp.com/users/user-1' }, installation },
  );
  const trial = (type: string, data: object) => {
    const { app_version_name: _, ...rest } = event(
      type,
      '2026-02-04T10:00:00.000+00:00',
      { expires_at: '2026-02-14T10:00:00.000+00:00', ...data },
      { installation },
    );
    return rest as EventBody;
  };
  return {
    'app.installed': event(
      'app.installed',
      '2026-01-05T10:00:00Z',
      { account_name: 'acme', ...credentials },
      {
        userinfo: { href: 'https://api.talkdeskapp.com/users/me' },
        authorization: { href: 'https://acme.talkdeskid.com/oauth/authorize' },
        token: { href: 'https://acme.talkdeskid.com/oauth/token' },
      },
    ),
    'app.updated': event(
      'app.updated',
      '2026-01-06T09:00:00Z',
      {
        account_name: 'acme',
        users: { adding: ['5729d479081762d39b00009e'], removing: [] },
        subscription: { adding: { name: 'Paid Plus', licenses: '10' } },
      },
      {},
    ),
    'app.uninstalled': event(
      'app.uninstalled',
      '2026-01-07T09:00:00Z',
      { account_name: 'acme', reason: { type: 'other', message: 'too dear' } },
      { installation },
    ),
    'app.trial_started': trial('app.trial_started', {}),
    'app.trial_extended': trial('app.trial_extended', {}),
    'app.trial_ended': trial('app.trial_ended', {
      ended_at: '2026-02-04T10:00:00.000+00:00',
      ended_reason: 'trial_expired',
      ended_by: 'system',
    }),
    'app.credentials_rotated': event(
      'app.credentials_rotated',
      '2026-01-08T09:00:00Z',
      { account_name: 'acme', ...credentials },
      {},
    ),
    'user.logout': logout as EventBody,
  };
}

/** The bytes of a body. */
export const bytes = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

/** A copy of an event with other members in `data`; those that are undefined are left out. */
export function withData(body: EventBody, data: Record<string, unknown>): EventBody {
  return { ...body, data: { ...body.data, ...data } };
}
