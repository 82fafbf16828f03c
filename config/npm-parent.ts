/** Often enough that an orderly stop begins within the patience of whoever asked for it. */
const LOOK_EVERY_MS = 250;

/**
 * Calls `ended` once when this process was started by `npm run` and npm's shell has gone. A SIGTERM to npm ends npm and its shell,
 * which does not pass the signal on. A process that npm did not start is never told: there, an ended parent is no wish to stop.
 */
export function whenNpmEnds(env: Record<string, string | undefined>, ended: () => void): void {
  if (env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    ended();
  }, LOOK_EVERY_MS);
  timer.unref();
}
