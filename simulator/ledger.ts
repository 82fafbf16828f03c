/** One request as the ledger keeps it: what came, what was answered, and why; no secret in it. */
export interface RequestEntry {
  n: number;
  at: string;
  route: string;
  method: string;
  path: string;
  query: string;
  installation_id: string | null;
  /** The client whose token or assertion came, null when there was none that is known. */
  client_id: string | null;
  /** The installation had been deprovisioned when the request came. */
  after_uninstall: boolean;
  /** null while it is held, and when the connection was reset instead of an answer. */
  status: number | null;
  ms: number;
  /** What was verified, or what was wrong, in words. */
  verdict: string;
  headers: Record<string, string>;
  body: unknown;
  /** The claims of a client assertion without its signature, null on other routes. */
  assertion: Record<string, unknown> | null;
  /** The fault that was applied, in words. */
  fault: string | null;
  secret_in_query: boolean;
}

/** The requests that came in, oldest first. */
export interface Ledger {
  /** Adds an entry; its fields may still be filled in until the request is answered. */
  add(entry: Omit<RequestEntry, 'n'>): RequestEntry;
  entries(filter: { installationId?: string; route?: string }): RequestEntry[];
  /** How many of the oldest entries were given up to bound memory. */
  dropped(): number;
}

/** Enough for a long load run (about 25,000 installations) in some 200 MB. */
const defaultLimit = 200_000;

/** A ledger in memory that gives up its oldest tenth when it is full. */
export function createLedger(limit = defaultLimit): Ledger {
  const kept: RequestEntry[] = [];
  let count = 0;
  let dropped = 0;
  return {
    add(entry) {
      if (kept.length >= limit) dropped += kept.splice(0, Math.ceil(limit / 10)).length;
      const numbered = { n: ++count, ...entry };
      kept.push(numbered);
      return numbered;
    },
    entries: ({ installationId, route }) =>
      kept.filter(
        (entry) =>
          (installationId === undefined || entry.installation_id === installationId) &&
          (route === undefined || entry.route === route),
      ),
    dropped: () => dropped,
  };
}

const redacted = '[redacted]';
const secretHeaders = new Set(['authorization', 'cookie', 'proxy-authorization']);
const secretFields = new Set([
  'client_assertion',
  'client_secret',
  'access_token',
  'refresh_token',
  'token',
  'private_key',
]);

/** Request headers for the ledger; of a secret one only the scheme stays. */
export function redactHeaders(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    const text = Array.isArray(value) ? value.join(', ') : value;
    kept[name] = secretHeaders.has(name) ? `${text.includes(' ') ? `${text.split(' ', 1)[0]} ` : ''}${redacted}` : text;
  }
  return kept;
}

/** Form fields or the top level of a JSON body for the ledger: secret names and every known secret are replaced. */
export function redactFields(fields: Record<string, unknown>, secrets: ReadonlySet<string>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      secretFields.has(name) || (typeof value === 'string' && secrets.has(value)) ? redacted : value,
    ]),
  );
}

/** A query string for the ledger, and whether it held a secret: it never may. */
export function redactQuery(query: URLSearchParams, secrets: ReadonlySet<string>): { text: string; secret: boolean } {
  if (query.size === 0) return { text: '', secret: false };
  let secret = false;
  const kept = new URLSearchParams();
  for (const [name, value] of query) {
    const bad = secretFields.has(name) || secrets.has(value);
    secret ||= bad;
    kept.append(name, bad ? redacted : value);
  }
  return { text: kept.toString(), secret };
}
