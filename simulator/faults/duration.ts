import { z } from 'zod';

const units = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 } as const;
const span = String.raw`(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+s)?`;
/** Ten years. */
const longestMs = 3_650 * units.d;
const isShortEnough = (text: string) => durationMs(text) <= longestMs;
const tooLong = 'must be at most ten years, 3650d';

/** A time span of the simulator's clock, such as 90s, 5m, 1h30m or 2d. */
export const durationSchema = z
  .string()
  .regex(new RegExp(`^${span}$`), 'must be a time span such as 90s, 5m, 1h30m or 2d')
  .refine(isShortEnough, tooLong);

/** A time of the simulator's clock, as a time span from now: 5m or +5m. */
export const fromNowSchema = z
  .string()
  .regex(new RegExp(`^\\+?${span}$`), 'must be a time span from now, such as +90s, +5m, +1h30m or +2d')
  .refine(isShortEnough, tooLong);

/** @param text as `durationSchema` or `fromNowSchema` takes it */
export function durationMs(text: string): number {
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([dhms])/g))
    ms += Number(count) * units[unit as keyof typeof units];
  return ms;
}
