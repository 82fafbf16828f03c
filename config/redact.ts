/** Stands in a log line where something secret was. */
const CENSORED = '[redacted]';

const MAX_DEPTH = 8;
const MAX_ITEMS = 100;
const MAX_TEXT = 10_000;
const MAX_CAUSES = 5;

/**
 * Field names whose values are never logged, as they are without `_`, `-` and case. Bodies, headers and connection settings as a whole:
 * what they hold is not known.
 */
const SECRET_FIELDS = new Set([
  ...['authorization', 'proxyauthorization', 'cookie', 'setcookie', 'headers', 'rawheaders'],
  ...['body', 'rawbody', 'payload', 'requestbody', 'responsebody', 'form', 'json'],
  ...[
    'password',
    'pass',
    'passwd',
    'secret',
    'clientsecret',
    'signingsecret',
    'privatekey',
    'key',
    'keys',
    'sealingkeys',
    'sealingkey',
  ],
  ...['token', 'tokens', 'accesstoken', 'refreshtoken', 'idtoken', 'apikey', 'clientassertion', 'assertion', 'jwt'],
  ...['credential', 'credentials', 'databaseurl', 'connectionstring', 'productdatabaseurl', 'settings', 'env'],
]);

/** Secrets inside a text, each with what is put in its place. */
const SECRET_TEXTS: [pattern: RegExp, replacement: string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, CENSORED],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, `$1 ${CENSORED}`],
  // A product's signing secret, in the form of the Standard Webhooks.
  [/\bwhsec_[A-Za-z0-9+/=_-]+/g, CENSORED],
  [/\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g, CENSORED],
  // The password part runs to the last @ before the path, as it may hold an @ that was not encoded.
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/'"]*@/gi, `$1${CENSORED}@`],
  [
    /(["']?\b(?:client_secret|client_assertion|private_key|access_token|refresh_token|api_key|password)["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s&,;}]+)/gi,
    `$1${CENSORED}`,
  ],
];

/** The text without what looks like a secret, and cut at 10,000 characters. */
export function redactText(text: string): string {
  // Cut first, so that a huge text costs nothing; with a margin, so that a secret across the cut is still seen as one.
  const start = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}… (${text.length} characters)` : text;
  return SECRET_TEXTS.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), start);
}

/** Whether a field of this name is never logged. */
function isSecretField(name: string): boolean {
  return SECRET_FIELDS.has(name.replace(/[_-]/g, '').toLowerCase());
}

/** A count or a switch of such a name, `tokens: 3`, is no secret. */
function mayHoldSecret(value: unknown): boolean {
  return typeof value === 'string' || (typeof value === 'object' && value !== null);
}

/**
 * A copy of a value that may be logged: secret fields censored at any depth, texts redacted, errors reduced to type, message, code,
 * status, stack and causes, requests and responses to method, path and status, bytes to their number. Bounded in depth and length.
 */
export function redactValue(value: unknown): unknown {
  return redact(value, 0, new Set());
}

function redact(value: unknown, depth: number, above: Set<object>): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (value instanceof URL) return redactText(value.href);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (above.has(value)) return '[circular]';
  if (depth >= MAX_DEPTH) return '[deep]';
  const path = new Set(above).add(value);
  if (value instanceof Error) return redactError(value, MAX_CAUSES);
  if (value instanceof Map || value instanceof Set) return `[${value.constructor.name} of ${value.size}]`;
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ITEMS).map((item) => redact(item, depth + 1, path));
    return value.length > MAX_ITEMS ? [...items, `… (${value.length} items)`] : items;
  }
  if (isHttpMessage(value)) return httpMessageWords(value);
  const entries = Object.entries(value);
  const result = entries
    .slice(0, MAX_ITEMS)
    .map(([name, item]) => [
      name,
      isSecretField(name) && mayHoldSecret(item) ? CENSORED : redact(item, depth + 1, path),
    ]);
  return Object.fromEntries(entries.length > MAX_ITEMS ? [...result, ['…', `${entries.length} fields`]] : result);
}

/** An error by its own words. Other fields are left out: HTTP and database libraries put requests and settings there. */
function redactError(error: Error, causesLeft: number): Record<string, unknown> {
  const { code, status, statusCode, failureClass, cause, errors } = error as Error & Record<string, unknown>;
  const plain = { code, status, statusCode, failureClass };
  const words = Object.entries(plain).filter(([, item]) => typeof item === 'string' || typeof item === 'number');
  const nested = Array.isArray(errors) ? errors.filter((item) => item instanceof Error).slice(0, MAX_CAUSES) : [];
  return {
    type: error.name,
    message: redactText(error.message),
    ...Object.fromEntries(words),
    ...(error.stack === undefined ? {} : { stack: redactText(error.stack) }),
    ...(cause instanceof Error && causesLeft > 0 ? { cause: redactError(cause, causesLeft - 1) } : {}),
    ...(nested.length > 0 && causesLeft > 0
      ? { errors: nested.map((item: Error) => redactError(item, causesLeft - 1)) }
      : {}),
  };
}

function isHttpMessage(value: object): value is Record<string, unknown> {
  return ('method' in value && 'url' in value && 'headers' in value) || ('statusCode' in value && 'getHeader' in value);
}

function httpMessageWords({ method, url, statusCode }: Record<string, unknown>): Record<string, unknown> {
  const path = typeof url === 'string' ? redactText(url.split(/[?#]/)[0] ?? '') : undefined;
  const words = { method, path, statusCode };
  return Object.fromEntries(
    Object.entries(words).filter(([, item]) => typeof item === 'string' || typeof item === 'number'),
  );
}
