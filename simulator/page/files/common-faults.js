/** Faults that a partner meets sooner or later, as the control API takes them. Without `times` one that `lasts` or has a `probability` has no limit. */
export const COMMON_FAULTS = [
  {
    name: 'Reading users: too many requests, with Retry-After',
    fault: { route: 'users', kind: 'rate-limit', retry_after: 'seconds', retry_after_seconds: 30, times: 1 },
  },
  {
    name: 'The decision: Talkdesk is unavailable, 503',
    fault: { route: 'state', kind: 'refusal', refusal: 'unavailable', times: 1 },
  },
  {
    name: 'The decision: it takes effect, its answer is lost',
    fault: { route: 'state', kind: 'reset', when: 'after', times: 1 },
  },
  {
    name: 'The decision: it never arrives, connection reset',
    fault: { route: 'state', kind: 'reset', when: 'before', times: 1 },
  },
  {
    name: 'Tokens: the service is unavailable, 503',
    fault: { route: 'token', kind: 'refusal', refusal: 'unavailable', times: 1 },
  },
  { name: 'Tokens: slow, five seconds', fault: { route: 'token', kind: 'delay', delay_ms: 5_000, times: 1 } },
  { name: 'Tokens: never answered', fault: { route: 'token', kind: 'silence', times: 1 } },
  {
    name: 'Reading the installation: refused, 401',
    fault: { route: 'installation', kind: 'refusal', refusal: 'unauthorized', times: 1 },
  },
  {
    name: 'Reading the account: your address is not on the customer’s list, 403',
    fault: { route: 'account', kind: 'refusal', refusal: 'ip-not-allowed', times: 1 },
  },
  {
    name: 'Reading the installation: an error page of a gateway, 502 with HTML',
    fault: { route: 'installation', kind: 'html', status: 502, times: 1 },
  },
  { name: 'Reading users: the answer is cut off', fault: { route: 'users', kind: 'truncated', times: 1 } },
  { name: 'Reading users: fifty megabytes', fault: { route: 'users', kind: 'oversized', bytes: 50_000_000, times: 1 } },
  {
    name: 'Reading users: the next page is elsewhere',
    fault: { route: 'users', kind: 'forged-links', times: 1 },
  },
  {
    name: 'Signature keys: the endpoint is down, 503',
    fault: { route: 'signature-keys', kind: 'refusal', refusal: 'unavailable', times: 1 },
  },
  {
    name: 'Everything: every fifth request fails, 503',
    fault: { route: 'any', kind: 'refusal', refusal: 'unavailable', probability: 0.2, seed: 1 },
  },
  {
    name: 'Everything: an outage of an hour',
    fault: { route: 'any', kind: 'refusal', refusal: 'unavailable', lasts: '1h' },
  },
  { name: 'Deliveries: sent twice', fault: { route: 'delivery', kind: 'duplicate', copies: 1, times: 1 } },
  { name: 'Deliveries: after the next event', fault: { route: 'delivery', kind: 'reorder', times: 1 } },
  { name: 'Deliveries: two hours late', fault: { route: 'delivery', kind: 'delay', delay: '2h', times: 1 } },
  { name: 'Deliveries: cut off after sending', fault: { route: 'delivery', kind: 'crash', times: 1 } },
  { name: 'Deliveries: never sent', fault: { route: 'delivery', kind: 'drop', times: 1 } },
  {
    name: 'Deliveries: changed after signing',
    fault: { route: 'delivery', kind: 'signature', sign: { tamper: 'changed-body' }, times: 1 },
  },
  {
    name: 'Deliveries: signed with another key',
    fault: { route: 'delivery', kind: 'signature', sign: { tamper: 'other-key' }, times: 1 },
  },
];
