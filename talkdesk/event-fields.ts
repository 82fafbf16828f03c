import { z } from 'zod';
import { TalkdeskDataError } from './errors.js';
import { eventField, type JsonObject, parseJsonObject } from './json.js';
import type { ChangeEvent } from './types.js';
import { idSchema, looseId, looseText, storableText } from './values.js';

/** An account name: Talkdesk's subdomain of the account. */
export const accountNameSchema = storableText(256);

/** What every event must say: which installation it is about, and whose that is. */
export const subjectSchema = z.object({ installation_id: idSchema, account_id: idSchema });

/** Subject, account name and app version; only the subject must be there (talkdesk-api.md 1.2, 1.4). */
export const changeSchema = subjectSchema.extend({
  account_name: accountNameSchema.nullable().catch(null),
  app_version_id: looseId,
  app_version_name: looseText,
});

/** Names the fields of `changeSchema` as the rest of the service does. */
export function toChange(fields: z.output<typeof changeSchema>): ChangeEvent {
  return {
    installationId: fields.installation_id,
    accountId: fields.account_id,
    accountName: fields.account_name,
    appVersionId: fields.app_version_id,
    appVersionName: fields.app_version_name,
  };
}

/**
 * The body as a JSON object.
 *
 * @throws TalkdeskDataError when it is not one
 */
export function requireObject(rawBody: Buffer): JsonObject {
  const event = parseJsonObject(rawBody);
  if (event === null) throw new TalkdeskDataError('The event is not a JSON object.');
  return event;
}

/** The fields of a schema, each from `data` or else from the top level; null with the names of those that are missing or unusable. */
export function readFields<S extends z.ZodObject>(
  event: JsonObject,
  schema: S,
): { fields: z.output<S> | null; problems: string[] } {
  const candidate = Object.fromEntries(Object.keys(schema.shape).map((name) => [name, eventField(event, name)]));
  const parsed = schema.safeParse(candidate);
  if (parsed.success) return { fields: parsed.data, problems: [] };
  return { fields: null, problems: parsed.error.issues.map(({ path }) => path.join('.')) };
}

/**
 * The fields of a schema, each from `data` or else from the top level.
 *
 * @param what the event, as the subject of a sentence
 * @throws TalkdeskDataError with the names of the fields that are missing or unusable, never their values
 */
export function requireFields<S extends z.ZodObject>(event: JsonObject, schema: S, what: string): z.output<S> {
  const { fields, problems } = readFields(event, schema);
  if (fields === null) throw lacksFields(what, problems);
  return fields;
}

/** The error for an event whose needed fields are missing or unusable. */
export function lacksFields(what: string, problems: readonly string[]): TalkdeskDataError {
  return new TalkdeskDataError(`${what} lacks usable fields`, [...new Set(problems)]);
}
