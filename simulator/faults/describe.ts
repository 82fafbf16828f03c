import type { DeliveryFault, RouteFault } from './schema.js';

/** A fault of a route in words, for the ledger. */
export function describeFault(fault: RouteFault): string {
  return `${wordsOf(fault)}, ${fault.when} the request took effect`;
}

function wordsOf(fault: RouteFault): string {
  switch (fault.kind) {
    case 'status':
      return `status ${fault.status}`;
    case 'refusal':
      return `refusal: ${fault.refusal}`;
    case 'rate-limit':
      return `rate limit ${fault.status ?? 429}, retry after: ${fault.retry_after ?? 'seconds'}`;
    case 'delay':
      return `delay ${fault.delay_ms} ms`;
    case 'truncated':
      return fault.cut === 'connection' ? 'connection cut within the answer' : 'truncated JSON';
    case 'drip':
      return `answer at ${fault.bytes_per_second} bytes per second`;
    case 'clock-skew':
      return `clock off by ${fault.seconds} s`;
    default:
      return fault.kind;
  }
}

/** A fault of a delivery in words, for its attempt. */
export function describeDeliveryFault(fault: DeliveryFault): string {
  switch (fault.kind) {
    case 'signature':
      return `signed with ${Object.entries(fault.sign)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')}`;
    case 'delay':
      return `delayed by ${fault.delay}`;
    case 'timeout':
      return `given up after ${fault.timeout_ms} ms`;
    default:
      return fault.kind;
  }
}
