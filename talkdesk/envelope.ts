import { eitherMember, eventField, eventType, ownMember, ownPath, parseJsonObject } from './json.js';
import type { EnvelopeResult } from './types.js';
import { idSchema, parseTimestamp } from './values.js';

/**
 * Reads what the ingress needs to file an event (talkdesk-api.md 1.2): `id` or else `event_id`, `type` or else `event_type`, both
 * forms of `created_at`; account and installation from `data`, else from the top level. Unknown fields are ignored. A problem names
 * the field, never its value.
 */
export function readEnvelope(rawBody: Buffer): EnvelopeResult {
  const event = parseJsonObject(rawBody);
  if (event === null) return { ok: false, problem: 'The body is not a JSON object.', eventId: null };
  const problems: string[] = [];

  function read(name: string, value: unknown): string | null {
    if (value === undefined || value === null) return null;
    const parsed = idSchema.safeParse(value);
    if (parsed.success) return parsed.data;
    problems.push(`${name} is not a text of 1 to 128 characters`);
    return null;
  }
  function require(name: string, value: unknown): string {
    if (value === undefined || value === null) problems.push(`${name} is missing`);
    return read(name, value) ?? '';
  }

  const eventId = require('id', eitherMember(event, 'id', 'event_id'));
  const type = require('type', eventType(event));
  const appId = require('app_id', eventField(event, 'app_id'));
  const accountId = read('account_id', eventField(event, 'account_id'));
  const installationId = read('installation_id', eventField(event, 'installation_id'));
  const createdAt = parseTimestamp(ownMember(event, 'created_at'));
  if (createdAt === null) problems.push('created_at is not an ISO 8601 date');
  if (problems.length > 0 || createdAt === null) {
    return { ok: false, problem: `${problems.join('; ')}.`, eventId: eventId === '' ? null : eventId };
  }
  return { ok: true, envelope: { eventId, type, appId, accountId, installationId, createdAt } };
}

/**
 * `_links.root.href` of a body whose signature has not been checked yet, or null. For one thing only: choosing among the region
 * table's gateways (talkdesk-api.md 2.3).
 */
export function peekRoot(rawBody: Buffer): string | null {
  const href = ownPath(parseJsonObject(rawBody), '_links', 'root', 'href');
  return typeof href === 'string' ? href : null;
}
