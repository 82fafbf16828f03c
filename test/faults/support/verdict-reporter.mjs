import { inspect } from 'node:util';

/**
 * A reporter for node:test: one line of JSON for each test that was run, suites aside (`TestVerdict`). Node loads it before anything
 * that could read TypeScript.
 */
// biome-ignore lint/style/noDefaultExport: node takes a reporter by its default export.
export default async function* verdicts(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.skip !== undefined || data.details.type === 'suite') continue;
    const error = type === 'test:fail' ? data.details.error : null;
    const failure = error === null ? '' : inspect(error.cause ?? error, { depth: 6 });
    yield `${JSON.stringify({ name: data.name, passed: error === null, failure })}\n`;
  }
}
