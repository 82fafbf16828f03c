import { NotRunning, Refused } from './errors.js';

/** One request to the control API: a body that is text goes as it is, any other as JSON. */
export type Call = <T>(method: string, path: string, body?: unknown) => Promise<T>;

/**
 * Calls to the control API of the simulator at this URL.
 * @returns a function that throws Refused with the simulator's sentence, and NotRunning when nothing that is a simulator answers
 */
export function createCall(url: string): Call {
  const base = url.replace(/\/+$/, '');
  return async <T>(method: string, path: string, body?: unknown) => {
    const response = await send(base, method, path, body);
    const answer = parse(await response.text());
    if (answer === undefined || typeof answer !== 'object' || answer === null) {
      throw new NotRunning(`What answers at ${base} is no simulator: ${method} /_control${path} gave no JSON.`);
    }
    if (!response.ok) {
      const said = (answer as { error?: unknown }).error;
      throw new Refused(response.status, typeof said === 'string' ? said : `It answered ${response.status}.`);
    }
    return answer as T;
  };
}

async function send(base: string, method: string, path: string, body: unknown): Promise<Response> {
  const type = typeof body === 'string' ? 'application/yaml' : 'application/json';
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const content = body === undefined ? {} : { headers: { 'content-type': type }, body: text };
  try {
    return await fetch(`${base}/_control${path}`, { method, ...content });
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } };
    const why = cause?.code === undefined ? '' : ` (${cause.code})`;
    throw new NotRunning(
      `No simulator answers at ${base}${why}. Start one with \`npm run simulator -- serve\`, or name another with --simulator URL.`,
    );
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A query string with its mark, empty when nothing is asked for. */
export function queryOf(values: object): string {
  const asked = Object.entries(values).filter(([, value]) => value !== undefined);
  return asked.length === 0 ? '' : `?${new URLSearchParams(asked as [string, string][])}`;
}
