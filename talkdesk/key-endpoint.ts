import { z } from 'zod';
import { TalkdeskError } from './errors.js';
import { type HttpClient, isSuccess } from './http.js';
import { ownMember, parseJsonObject } from './json.js';
import { parsePublicKey } from './signature.js';
import type { SignatureKey } from './types.js';
import { parseTimestamp } from './values.js';

/** A delivery waits for this while Talkdesk waits for our answer (talkdesk-api.md 1.5). */
const REQUEST_TIMEOUT_MS = 1_500;

/** The id under which an endpoint gives its newest key (talkdesk-api.md 2.1); never the id of a key. */
export const LATEST = 'latest';

const KEY_ID = /^[A-Za-z0-9][A-Za-z0-9._~:-]{0,127}$/;

/** Whether a text can be a key id and can be asked for. Ids are opaque, but this one comes from a header that nobody has vouched for. */
export function isKeyId(text: string): boolean {
  return KEY_ID.test(text) && text.toLowerCase() !== LATEST;
}

/** `unreachable` also stands for answers that cannot be understood: nothing can be said of the key. */
export type KeyAnswer =
  | { kind: 'found'; key: SignatureKey }
  | { kind: 'unknown' }
  | { kind: 'unreachable'; why: string };

/** Reads keys from the endpoints `{gateway}/events/signature-keys/{id}`, which need no authentication. */
export interface KeyEndpoint {
  /** Never throws. */
  read(gateway: string, keyId: string, signal: AbortSignal): Promise<KeyAnswer>;
}

const keySchema = z.object({ public_key: z.string().refine((text) => parsePublicKey(text) !== null) });

/** Makes a reader of key endpoints. */
export function createKeyEndpoint(http: HttpClient): KeyEndpoint {
  return {
    async read(gateway, keyId, signal) {
      try {
        const response = await http.send({
          operation: 'read a signature key',
          method: 'GET',
          url: `${gateway}/events/signature-keys/${encodeURIComponent(keyId)}`,
          headers: { accept: 'application/json' },
          signal,
          timeoutMs: REQUEST_TIMEOUT_MS,
        });
        if (response.status === 404) return { kind: 'unknown' };
        if (!isSuccess(response.status)) return { kind: 'unreachable', why: `status ${response.status}` };
        return answerOf(gateway, keyId, response.body);
      } catch (error) {
        return { kind: 'unreachable', why: error instanceof TalkdeskError ? error.message : 'unexpected failure' };
      }
    },
  };
}

function answerOf(gateway: string, keyId: string, text: string): KeyAnswer {
  const body = parseJsonObject(Buffer.from(text));
  const parsed = keySchema.safeParse(body);
  // The schema says key_id, the example public_key_id (talkdesk-api.md 2.1).
  const bodyId = ownMember(body, 'key_id') ?? ownMember(body, 'public_key_id');
  const ownId = typeof bodyId === 'string' && isKeyId(bodyId) ? bodyId : null;
  const actualId = keyId === LATEST ? ownId : keyId;
  if (!parsed.success || actualId === null) return { kind: 'unreachable', why: 'an answer that is not a usable key' };
  const createdAt = parseTimestamp(ownMember(body, 'created_at'));
  const expiresAt = parseTimestamp(ownMember(body, 'expires_at'));
  return { kind: 'found', key: { gateway, keyId: actualId, publicKey: parsed.data.public_key, createdAt, expiresAt } };
}
