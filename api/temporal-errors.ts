import { isGrpcServiceError, NamespaceNotFoundError } from '@temporalio/client';
import { messageOf } from './errors.js';

/** `unavailable`: try again later. `refused`: a person must change something first; the message says what. */
type TemporalErrorKind = 'unavailable' | 'refused';

/** A call to Temporal failed. The message names the call and the server's reason, never a payload. */
export class TemporalError extends Error {
  override readonly name = 'TemporalError';

  constructor(
    readonly kind: TemporalErrorKind,
    message: string,
  ) {
    super(message);
  }
}

/** gRPC status codes that say "not now": CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, INTERNAL, UNAVAILABLE. */
const TRANSIENT_CODES: ReadonlySet<number> = new Set([1, 2, 4, 8, 10, 13, 14]);

/** The class and words of whatever a call through the SDK threw; `what` names the call. */
export function asTemporalError(what: string, error: unknown): TemporalError {
  if (error instanceof TemporalError) return error;
  const grpcError = grpcErrorIn(error);
  if (grpcError !== undefined) {
    const kind = TRANSIENT_CODES.has(grpcError.code) ? 'unavailable' : 'refused';
    return new TemporalError(
      kind,
      `${what}: ${grpcError.details || 'no answer from the server'} (gRPC status ${grpcError.code})`,
    );
  }
  if (error instanceof NamespaceNotFoundError) {
    return new TemporalError('refused', `${what}: the namespace "${error.namespace}" does not exist; create it first`);
  }
  return new TemporalError('unavailable', `${what}: ${messageOf(error)}`);
}

/** The gRPC error in a chain of causes, if there is one. */
export function grpcErrorIn(error: unknown): { code: number; details: string } | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (isGrpcServiceError(current)) return current;
  }
  return undefined;
}
