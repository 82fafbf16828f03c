/**
 * Failure classes as they cross Temporal (the `type` of an ApplicationFailure). What each one leads to:
 * - `Retryable`: backoff until the window closes.
 * - `Credentials`: slow retry; the credentials Talkdesk gave us are not accepted.
 * - `Refused`: reject with the reason, undo.
 * - `Gone`: Talkdesk no longer knows the installation.
 * - `NeedsPerson`: the process is parked until somebody acts.
 * - `Pending`: the product has begun and needs time; asked again with the same key, at growing intervals.
 * - `PreEmpted`: a newer event ends this process; nothing more may be done for it.
 * - `GoDurable`: not a failure of the step: a quick attempt has no chance now, take the durable way at once.
 */
export const FAILURE_TYPES = {
  retryable: 'Retryable',
  credentials: 'Credentials',
  refused: 'Refused',
  gone: 'Gone',
  needsPerson: 'NeedsPerson',
  pending: 'Pending',
  preEmpted: 'PreEmpted',
  goDurable: 'GoDurable',
} as const;

export type FailureType = (typeof FAILURE_TYPES)[keyof typeof FAILURE_TYPES];

/** First detail of a quick attempt's failure whose sender has said when to come back. */
export interface AskedToWait {
  retryAfterMs: number;
}
