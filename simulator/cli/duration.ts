const UNITS_MS = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;
const PART = /(\d+(?:\.\d+)?)(ms|w|d|h|m|s)/g;

/** A length of time such as `7d`, `2h30m`, `+90s`, in ms; undefined when the text is none. */
export function readDuration(text: string): number | undefined {
  const whole = text.replace(/^\+/, '');
  if (whole === '' || whole.replace(PART, '') !== '') return undefined;
  const parts = [...whole.matchAll(PART)];
  return Math.round(parts.reduce((sum, [, n, unit]) => sum + Number(n) * UNITS_MS[unit as keyof typeof UNITS_MS], 0));
}

/** A time in ISO 8601 with its zone, undefined when the text is none. */
export function readTime(text: string): Date | undefined {
  if (!/^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)) return undefined;
  const time = new Date(text.replace(' ', 'T'));
  return Number.isNaN(time.getTime()) ? undefined : time;
}

/** A length of time in its two largest units: `6d 23h`, `4m 10s`; `-` goes before one that is over. */
export function printDuration(ms: number): string {
  const parts: string[] = [];
  let leftS = Math.round(Math.abs(ms) / 1000);
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(leftS / size);
    leftS -= count * size;
    if (count > 0 || (unit === 's' && parts.length === 0)) parts.push(`${count}${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return `${ms < 0 ? '-' : ''}${parts.join(' ')}`;
}

/** A time as lists show it: to the second, in UTC. */
export function printTime(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ');
}
