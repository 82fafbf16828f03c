import type { z } from 'zod';
import { codedError, type Reply } from './reply.js';
import { parseJson } from './parse-json.js';
import type { Call } from './route.js';

/** The body of a request to the Apps API, or the refusal: 415 for another content type, 400 for another shape. */
export function readJson<T>(
  call: Call,
  schema: z.ZodType<T>,
  allowed: string,
): { ok: true; data: T } | { ok: false; reply: Reply } {
  if (call.mediaType !== 'application/json') {
    call.entry.refusal = 'malformed';
    const verdict = 'refused: the content type is not application/json';
    return { ok: false, reply: codedError(415, '0030002', 'Unsupported media type', verdict) };
  }
  const parsed = schema.safeParse(parseJson(call.body));
  if (parsed.success) return { ok: true, data: parsed.data };
  call.entry.refusal = 'malformed';
  const fields = [{ name: 'state', description: allowed }];
  return {
    ok: false,
    reply: codedError(400, '0030002', 'Invalid request data', `refused: ${allowed}`, fields),
  };
}
