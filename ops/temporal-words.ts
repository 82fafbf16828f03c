import { isGrpcServiceError, NamespaceNotFoundError } from '@temporalio/client';

/** gRPC status codes. */
const CANCELLED = 1;
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

/** Whether the call ended because its time was up. */
export function isTimeUp(error: unknown): boolean {
  const code = grpcErrorIn(error)?.code;
  return code === DEADLINE_EXCEEDED || code === CANCELLED;
}

/** Whether there is no such thing, or no longer. */
export function isNotFound(error: unknown): boolean {
  return grpcErrorIn(error)?.code === NOT_FOUND;
}

/** Whether the server had too much to do, or was away for a moment. */
export function isBusy(error: unknown): boolean {
  const code = grpcErrorIn(error)?.code;
  return code === RESOURCE_EXHAUSTED || code === UNAVAILABLE;
}

/** What is wrong with Temporal, in one sentence for the person who can do something about it. */
export function temporalWords(error: unknown, limit: string): string {
  if (error instanceof NamespaceNotFoundError) {
    return `Temporal has no namespace "${error.namespace}": check TEMPORAL_NAMESPACE.`;
  }
  const grpcError = grpcErrorIn(error);
  if (grpcError === undefined)
    return `Temporal cannot be used: ${error instanceof Error ? error.message : String(error)}.`;
  switch (grpcError.code) {
    case UNAVAILABLE:
      return 'Temporal cannot be reached: check TEMPORAL_ADDRESS, and that the server is up.';
    case DEADLINE_EXCEEDED:
    case CANCELLED:
      return `Temporal did not answer within ${limit}: check TEMPORAL_ADDRESS, and that the server is up.`;
    case PERMISSION_DENIED:
    case UNAUTHENTICATED:
      return `Temporal does not let this user in (${grpcError.details}): check TEMPORAL_API_KEY or the client certificate.`;
    default:
      return `Temporal refused: ${grpcError.details} (gRPC status ${grpcError.code}).`;
  }
}

/** The gRPC error in a chain of causes, if there is one. */
function grpcErrorIn(error: unknown): { code: number; details: string } | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (isGrpcServiceError(current)) return current;
  }
  return undefined;
}
