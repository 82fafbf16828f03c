/** Both forms in which times are printed (talkdesk-api.md 1.2). */
const printedTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?(Z|\+00:00)$/;

/** The body with every time in it off by so much, in the form in which it was printed. */
export function skewTimes(body: unknown, seconds: number): unknown {
  if (typeof body === 'string') {
    const [, milliseconds, zone] = printedTime.exec(body) ?? [];
    if (zone === undefined) return body;
    const text = new Date(Date.parse(body) + seconds * 1000).toISOString();
    return `${milliseconds === undefined ? text.slice(0, 19) : text.slice(0, 23)}${zone}`;
  }
  if (Array.isArray(body)) return body.map((item) => skewTimes(item, seconds));
  if (typeof body !== 'object' || body === null) return body;
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, skewTimes(value, seconds)]));
}
