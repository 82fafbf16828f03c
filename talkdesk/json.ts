/** A JSON object as parsed: nothing is known of its members. */
export type JsonObject = Record<string, unknown>;

/** Whether a parsed value is an object, not an array and not null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A member that the object itself has; undefined for anything else. What is inherited (`constructor`, `__proto__`) is never read, so
 * a body cannot make it look as if a field were there.
 */
export function ownMember(value: unknown, name: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** The value at a path of own members, or undefined. */
export function ownPath(value: unknown, ...names: string[]): unknown {
  return names.reduce<unknown>(ownMember, value);
}

/** Parses bytes as UTF-8 JSON with an object at its root; null for everything else. */
export function parseJsonObject(bytes: Buffer): JsonObject | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** A field of an event: `data.x` first, then the top level (talkdesk-api.md 1.4, credentials_rotated). */
export function eventField(event: JsonObject, name: string): unknown {
  return ownPath(event, 'data', name) ?? ownMember(event, name);
}

/** A member under its documented name, else under the other one that occurs in the sources (talkdesk-api.md 1.2). */
export function eitherMember(value: unknown, name: string, fallback: string): unknown {
  return ownMember(value, name) ?? ownMember(value, fallback);
}

/** The type of an event: `type`, or else `event_type` (talkdesk-api.md 1.2). */
export function eventType(event: JsonObject): unknown {
  return eitherMember(event, 'type', 'event_type');
}
