/** The control API, from the page that the same simulator serves. */

/**
 * One call.
 * @param body an object sent as JSON, or a text of the media type `type`
 * @throws Error with the simulator's own sentence, or one that says that it does not answer
 */
export async function call(method, path, body, type = 'application/json') {
  const response = await request(`/_control${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': type }, body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer = readJson(text);
  if (response.ok && answer !== undefined) return answer;
  throw new Error(answer?.error ?? `The simulator answered ${response.status} and no sentence.`);
}

let seen = { path: '', tag: '', answer: null };

/** The overview; the same object as before when nothing has changed. */
export async function overview(path) {
  const known = seen.path === path ? { 'if-none-match': seen.tag } : {};
  const response = await request(`/_control${path}`, { headers: known, cache: 'no-store' });
  if (response.status === 304) return seen.answer;
  const answer = readJson(await response.text());
  if (!response.ok) throw new Error(answer?.error ?? `The simulator answered ${response.status}.`);
  seen = { path, tag: response.headers.get('etag') ?? '', answer };
  return answer;
}

async function request(path, init) {
  try {
    return await fetch(path, init);
  } catch {
    throw new Error(`Nothing answers at ${location.origin}: is the simulator still running?`);
  }
}

function readJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
