/** One client of an installation, as `app.installed` and `app.credentials_rotated` deliver it (talkdesk-api.md 1.4). */
export interface Credentials {
  clientId: string;
  privateKey: string;
  keyId: string;
  algorithm: string;
  createdAt: number;
}

/** What this backend reads of an event; everything else is ignored (talkdesk-api.md 1.2). */
export interface LifecycleEvent {
  id: string;
  type: string;
  createdAt: number;
  appId: string;
  installationId: string;
  /** The gateway of the installation's region. */
  root: string;
  tokenUrl: string | undefined;
  data: Record<string, unknown>;
}

/** Reads an authentic body; null when it is no event of an installation: nothing that a retry could mend. */
export function readEvent(body: string): LifecycleEvent | null {
  const json = parse(body);
  const data = objectOf(json?.['data']);
  const read = (name: string) => textOf(data[name]) ?? textOf(json?.[name]);
  const id = textOf(json?.['id']) ?? textOf(json?.['event_id']);
  const type = textOf(json?.['type']) ?? textOf(json?.['event_type']);
  const appId = textOf(json?.['app_id']);
  const createdAt = Date.parse(textOf(json?.['created_at']) ?? '');
  const installationId = read('installation_id');
  const links = objectOf(json?.['_links']);
  const root = hrefOf(links['root']);
  if (!id || !type || !appId || !installationId || !root || Number.isNaN(createdAt)) return null;
  return { id, type, createdAt, appId, installationId, root, tokenUrl: tokenUrlOf(links), data };
}

/** The client that the event delivers, if it delivers one. */
export function credentialsOf({ data, createdAt }: LifecycleEvent): Credentials | null {
  const clientId = textOf(data['client_id']);
  const privateKey = textOf(data['private_key']);
  const keyId = textOf(data['key_id']);
  if (!clientId || !privateKey || !keyId) return null;
  return { clientId, privateKey, keyId, algorithm: textOf(data['key_algorithm']) ?? 'ES256', createdAt };
}

/** The name of the token link is not documented (talkdesk-api.md 1.4); its place beside the authorization link is. */
function tokenUrlOf(links: Record<string, unknown>): string | undefined {
  const named = hrefOf(links['token']) ?? hrefOf(links['tokens']) ?? hrefOf(links['oauth_token']);
  return named ?? hrefOf(links['authorization'])?.replace(/\/oauth\/authorize$/, '/oauth/token');
}

function parse(body: string): Record<string, unknown> | undefined {
  try {
    return objectOf(JSON.parse(body));
  } catch {
    return undefined;
  }
}

/** The value as an object to look into; an empty one when it is none. */
export function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** The value if it is a text that says something. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function hrefOf(link: unknown): string | undefined {
  return textOf(objectOf(link)['href']);
}
