import { redacted, type Secrets } from '../world/secrets.js';

const secretHeaders = new Set(['authorization', 'cookie', 'proxy-authorization']);
const secretFields = new Set([
  'authorization',
  'client_assertion',
  'client_secret',
  'access_token',
  'refresh_token',
  'token',
  'private_key',
]);
/** What lies deeper in a body than this is not kept: nothing of the contract does. */
const deepest = 16;

/** Request headers for the ledger; of a secret one only the scheme stays. */
export function redactHeaders(headers: NodeJS.Dict<string | string[]>, secrets: Secrets): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    const text = Array.isArray(value) ? value.join(', ') : value;
    kept[name] = secretHeaders.has(name)
      ? `${/^(?:Bearer|Basic) /i.exec(text)?.[0] ?? ''}${redacted}`
      : secrets.redact(text);
  }
  return kept;
}

/** Form fields, a JSON body or claims for the ledger: secret names, and every secret in a string at any depth, are replaced. */
export function redactFields(fields: Record<string, unknown>, secrets: Secrets, depth = 1): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      secrets.redact(name),
      isSecretName(name) ? redacted : redactValue(value, secrets, depth),
    ]),
  );
}

function redactValue(value: unknown, secrets: Secrets, depth: number): unknown {
  if (typeof value === 'string') return secrets.redact(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= deepest) return '[too deep to be kept]';
  if (Array.isArray(value)) return value.map((item) => redactValue(item, secrets, depth + 1));
  return redactFields(value as Record<string, unknown>, secrets, depth + 1);
}

/** A path for the ledger, without the query. */
export function redactPath(path: string, secrets: Secrets): string {
  const cleaned = secrets.redact(path);
  if (cleaned === path) return path;
  // Segment by segment, so that one that hides a secret does not take the others with it; some secrets have slashes in them.
  return secrets.redact(
    path
      .split('/')
      .map((segment) => secrets.redact(segment))
      .join('/'),
  );
}

/** A query string for the ledger, and whether it held a secret: it never may. */
export function redactQuery(query: URLSearchParams, secrets: Secrets): { text: string; secret: boolean } {
  if (query.size === 0) return { text: '', secret: false };
  let secret = false;
  const kept = new URLSearchParams();
  const clean = (text: string) => {
    const cleaned = secrets.redact(text);
    if (cleaned !== text || !text.includes(' ')) return cleaned;
    // A plus that was not encoded has become a space; it belongs to base64.
    const asSent = text.replaceAll(' ', '+');
    return secrets.redact(asSent) === asSent ? text : redacted;
  };
  for (const [name, value] of query) {
    const cleanName = clean(name);
    const cleanValue = isSecretName(name) ? redacted : clean(value);
    secret ||= cleanName !== name || cleanValue !== value;
    kept.append(cleanName, cleanValue);
  }
  return { text: kept.toString(), secret };
}

function isSecretName(name: string): boolean {
  return secretFields.has(name.toLowerCase());
}
