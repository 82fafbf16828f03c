/** What this folder logs to; pino's logger fits. Fields carry ids, hosts, codes and durations, never bodies, headers or secrets. */
export interface TalkdeskLog {
  debug(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/** Logs nothing. */
export const silentLog: TalkdeskLog = { debug: () => undefined, warn: () => undefined, error: () => undefined };
