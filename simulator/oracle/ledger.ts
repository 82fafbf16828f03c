/** Why a request was refused, as far as a rule looks at it; `assertion-…` names the part of a client assertion that is wrong. */
export type Refusal =
  | 'token-missing'
  | 'token-unknown'
  | 'token-expired'
  | 'token-revoked'
  | 'scope-missing'
  | 'other-region'
  | 'other-installation'
  | 'app-unknown'
  | 'installation-unknown'
  | 'installation-gone'
  | 'address-not-allowed'
  | 'client-unknown'
  | 'other-client'
  | 'client-revoked'
  | 'client-secret'
  | 'basic-refused'
  | 'other-account'
  | 'scope-not-granted'
  | 'scope-not-active'
  | 'malformed'
  | `assertion-${'form' | 'iss' | 'alg' | 'kid' | 'signature' | 'aud' | 'exp' | 'iat' | 'nbf' | 'jti'}`;

/** What became of a decision or of an acknowledgement. */
export type Effect = 'took-effect' | 'repeated' | 'opposite' | 'late' | 'none';

/** What a decision, or the acknowledgement of a rotation, was about and what became of it. */
export interface JudgedDecision {
  verb: 'approve' | 'reject' | 'acknowledged';
  effect: Effect;
  /** The event of the process that it took effect on, or of the one that is over; null when there is none. */
  event_id: string | null;
}

/** What waited for the partner's decision when a request came. */
export interface WaitingProcess {
  kind: string;
  event_id: string;
  /** Whether the event had been acknowledged by then; null when this simulator has not sent it. */
  acknowledged: boolean | null;
}

/** A token that was given out, without the token. */
export interface IssuedToken {
  /** Counts the tokens of this simulator; tells one from another where the token itself may not be shown. */
  number: number;
  expires_at: string;
  scopes: readonly string[];
}

/** What the rules judge a request by; a route fills in what only it knows. */
export interface Facts {
  refusal: Refusal | null;
  /** Which of the tokens that were given out came with the request. */
  token_number: number | null;
  /** The installation whose token came. */
  token_of: string | null;
  issued: IssuedToken | null;
  decision: JudgedDecision | null;
  waiting: WaitingProcess | null;
  /** Of a page of users: there are more after it. */
  more_pages: boolean | null;
  /** The caller had hung up before it was answered. */
  unread: boolean;
  /** How long the answer, a 429 or 503, told the caller to stay away. */
  retry_after_ms: number | null;
}

/** One request as the ledger keeps it: what came, what was answered, and why; no secret in it. */
export interface RequestEntry extends Facts {
  /** By arrival; attempts of deliveries are counted with the requests. */
  n: number;
  at: string;
  /** On the machine's clock, in ms: when it came, and when it was answered or its connection reset. */
  arrived_ms: number;
  ended_ms: number | null;
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
  secret_in_url: boolean;
}

/** The facts of a request of which nothing is known yet. */
export function noFacts(): Facts {
  return {
    refusal: null,
    token_number: null,
    token_of: null,
    issued: null,
    decision: null,
    waiting: null,
    more_pages: null,
    unread: false,
    retry_after_ms: null,
  };
}

/** The requests that came in, oldest first. */
export interface Ledger {
  /** Adds an entry; its fields but the installation may still be filled in until the request is answered. */
  add(entry: Omit<RequestEntry, 'n'>): RequestEntry;
  /** The number of something else that stands in the log, which is read in the order of numbers. */
  number(): number;
  entries(filter: { installationId?: string; route?: string }): RequestEntry[];
  /** The requests about one installation, or (null) those that name none that is known from path or token. */
  of(installationId: string | null): readonly RequestEntry[];
  /** Whom the requests that are kept are about. */
  subjects(): Iterable<string | null>;
  /** Every request since then is kept; null when every one there was is. */
  completeSince(): Date | null;
  /** How many of the oldest entries were given up to bound memory. */
  dropped(): number;
  /** Holds these entries, oldest first, has given up so many before them, and has given numbers up to the last one. */
  replace(entries: readonly RequestEntry[], droppedBefore: number, lastNumber: number): void;
}

/** Enough for a long load run (about 25,000 installations) in some 200 MB. */
const defaultLimit = 200_000;

/** A ledger in memory that gives up its oldest tenth when it is full. */
export function createLedger(limit = defaultLimit): Ledger {
  const kept: RequestEntry[] = [];
  const bySubject = new Map<string | null, RequestEntry[]>();
  let count = 0;
  let dropped = 0;

  function dropOldest(): void {
    const gone = new Map<string | null, number>();
    for (const { installation_id: id } of kept.splice(0, Math.ceil(limit / 10))) gone.set(id, (gone.get(id) ?? 0) + 1);
    for (const [id, number] of gone) {
      dropped += number;
      const entries = bySubject.get(id);
      if (entries === undefined || entries.length <= number) bySubject.delete(id);
      else entries.splice(0, number);
    }
  }

  return {
    add(entry) {
      if (kept.length >= limit) dropOldest();
      const numbered = Object.assign(entry, { n: ++count });
      kept.push(numbered);
      const known = bySubject.get(entry.installation_id);
      if (known === undefined) bySubject.set(entry.installation_id, [numbered]);
      else known.push(numbered);
      return numbered;
    },
    number: () => ++count,
    entries({ installationId, route }) {
      const chosen = installationId === undefined ? kept : (bySubject.get(installationId) ?? []);
      return route === undefined ? [...chosen] : chosen.filter((entry) => entry.route === route);
    },
    of: (installationId) => bySubject.get(installationId) ?? [],
    subjects: () => bySubject.keys(),
    completeSince: () => (dropped === 0 ? null : new Date(kept[0]?.at ?? 0)),
    dropped: () => dropped,
    replace(entries, droppedBefore, lastNumber) {
      kept.length = 0;
      bySubject.clear();
      for (const entry of entries) {
        kept.push(entry);
        const known = bySubject.get(entry.installation_id);
        if (known === undefined) bySubject.set(entry.installation_id, [entry]);
        else known.push(entry);
      }
      count = lastNumber;
      dropped = droppedBefore;
    },
  };
}
