/**
 * Freezes a value and everything in it, and returns it. Bytes (buffers, typed arrays) are left as they are: JavaScript cannot
 * freeze them.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
  return value;
}
