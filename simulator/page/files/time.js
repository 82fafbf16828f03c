/** Times and durations in words, and words as times and durations. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const UNITS = { w: 7 * DAY, d: DAY, h: HOUR, m: MINUTE, min: MINUTE, s: 1_000, ms: 1 };

/** `2026-11-26 16:45:06`, in UTC. */
export function timeText(time) {
  return new Date(time).toISOString().slice(0, 19).replace('T', ' ');
}

/** The same without the day where it is today's. */
export function shortTime(iso, nowMs) {
  const text = timeText(iso);
  return text.slice(0, 10) === timeText(nowMs).slice(0, 10) ? text.slice(11) : text.slice(5, 19);
}

/** `6 d 23 h`, the two largest units. */
export function durationText(ms) {
  const seconds = Math.floor(Math.abs(ms) / 1_000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([count], place) => place === 0 || count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** What is left until a deadline, in words. */
export function leftText(deadline, nowMs) {
  const left = Date.parse(deadline) - nowMs;
  return left >= 0 ? `${durationText(left)} left` : `over since ${durationText(left)}`;
}

/**
 * Reads a jump: so far (`7d`, `+2h30m`), until a time, or to the machine's (`now`).
 * @returns what the control API takes
 * @throws Error that says what is allowed
 */
export function readJump(text) {
  if (text.trim().toLowerCase() === 'now') return { set: 'now' };
  const compact = text.trim().replace(/\s+/g, '');
  if (/^\+?(\d+(w|d|h|min|ms|m|s))+$/i.test(compact)) {
    const parts = [...compact.toLowerCase().matchAll(/(\d+)(w|d|h|min|ms|m|s)/g)];
    return { advance_ms: parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit], 0) };
  }
  if (/^\d{4}-\d{2}-\d{2}/.test(text.trim()) && !Number.isNaN(Date.parse(text.trim()))) {
    const withZone =
      /(z|[+-]\d{2}:?\d{2})$/i.test(text.trim()) || !/[t ]\d/i.test(text) ? text.trim() : `${text.trim()}Z`;
    return { set: new Date(withZone).toISOString() };
  }
  throw new Error(
    'Jump: say how far, such as 7d or 2h30m, or until when, such as 2026-12-01, 2026-12-01T09:00:00Z or now.',
  );
}
