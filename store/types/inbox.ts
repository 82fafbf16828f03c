/** The unit of serial work (design: tenant). */
export interface Tenant {
  appId: string;
  accountId: string;
}

/** A verified delivery on its way into the inbox. */
export interface Delivery {
  eventId: string;
  type: string;
  appId: string;
  /** Null only for types that are merely recorded. */
  accountId: string | null;
  installationId: string | null;
  /** `created_at` of the event. */
  createdAt: Date;
  receivedAt: Date;
  /** `dispatch`: a run will take it. `record`: an unknown type; settled at once with the outcome `recorded`. */
  disposition: 'dispatch' | 'record';
  /** The exact bytes that were signed; sealed by the store. */
  rawBody: Buffer;
}

/**
 * `stored`: committed by this call. `duplicate`: same id and body as before; `dispatched` says whether its hand-over was done.
 * `conflict`: same id, another body; the newcomer is in quarantine.
 */
export type AcceptResult = { kind: 'stored' } | { kind: 'duplicate'; dispatched: boolean } | { kind: 'conflict' };

/** Where an event is on its way: just stored · secrets moved out and known to a run · ended. */
export type EventStatus = 'received' | 'taken' | 'settled';

/** An event to be handed to Temporal. */
export interface DispatchItem {
  eventId: string;
  type: string;
  tenant: Tenant;
  installationId: string | null;
  createdAt: Date;
}

/** The ingress side of the inbox. All writes are single statements. */
export interface Inbox {
  /** Seals and commits. Throws `StoreUnavailableError` when it cannot commit within its limit. */
  accept(delivery: Delivery): Promise<AcceptResult>;
  /** Keeps an authentic but unusable body, with the reason in plain words. Idempotent by body. */
  quarantine(item: { eventId: string | null; reason: string; rawBody: Buffer; receivedAt: Date }): Promise<void>;
  /** Keeps a delivery whose signature did not hold, sealed and bounded in rows and bytes; drops the oldest. Never throws. */
  keepRefused(item: {
    reason: string;
    headers: Record<string, string>;
    rawBody: Buffer;
    receivedAt: Date;
  }): Promise<void>;
  markDispatched(eventId: string, namespaceId: string): Promise<void>;
  /**
   * Claims events that still need a hand-over: never dispatched for `graceMs`, or dispatched to another namespace id. A claimed row
   * is not given out again for `leaseMs`. No more than keep the number of runs that were begun so, by whatever process, and are not
   * through at `openMax`: a run counts until its events are settled, `openForMs` at most. One event of each tenant at a time.
   */
  claimUndispatched(options: {
    graceMs: number;
    leaseMs: number;
    namespaceId: string;
    openMax: number;
    openForMs: number;
  }): Promise<DispatchItem[]>;
  /** Claims dispatched, unsettled events not looked at for `quietMs`: the slow audit. */
  claimForAudit(options: { quietMs: number; limit: number }): Promise<DispatchItem[]>;
  /** The tenant of a process, for a callback of its product; null when there is no such process, or it has ended. */
  tenantOfOpenProcess(processId: string): Promise<{ tenant: Tenant; installationId: string; eventId: string } | null>;
  /** One cheap write that proves the inbox can commit; throws otherwise. */
  probe(): Promise<void>;
}
