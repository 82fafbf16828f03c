import { z } from 'zod';

const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an absolute http or https URL' });

const settingsSchema = z.object({
  SIMULATOR_HOST: z.string().min(1).default('127.0.0.1'),
  SIMULATOR_PORT: z.coerce.number().int().min(0).max(65_535).default(3002),
  SIMULATOR_BASE_URL: httpUrl.optional(),
  SIMULATOR_APP_ID: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "-" or "_"')
    .optional(),
  SIMULATOR_CALLBACK_URL: httpUrl.optional(),
});

/** The simulator's settings. */
export interface Settings {
  host: string;
  port: number;
  /** Without a slash at its end; undefined: as the listener says. */
  baseUrl: string | undefined;
  app: { id: string; callbackUrl: string } | undefined;
}

/** What `--help` prints. */
export const help = `A stand-in Talkdesk for development and tests.

  SIMULATOR_HOST          address to listen on (127.0.0.1)
  SIMULATOR_PORT          port to listen on, 0 for any free one (3002)
  SIMULATOR_BASE_URL      public base URL of every link in events (default: the listener)
  SIMULATOR_APP_ID        with SIMULATOR_CALLBACK_URL: an app that is known from the start
  SIMULATOR_CALLBACK_URL  where that app's events are sent

When it listens it prints one line of JSON: {"listening":"http://127.0.0.1:3002"}
The control API is under /_control and answers callers on the same machine only.
`;

/**
 * Reads the settings; an empty variable counts as not set.
 * @throws Error that names every wrong variable and what it may be
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = settingsSchema.safeParse(given);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(problems.join('\n'));
  }
  const { SIMULATOR_APP_ID: id, SIMULATOR_CALLBACK_URL: callbackUrl, ...settings } = parsed.data;
  if ((id === undefined) !== (callbackUrl === undefined)) {
    throw new Error('SIMULATOR_APP_ID and SIMULATOR_CALLBACK_URL: set both or neither');
  }
  return {
    host: settings.SIMULATOR_HOST,
    port: settings.SIMULATOR_PORT,
    baseUrl: settings.SIMULATOR_BASE_URL?.replace(/\/+$/, ''),
    app: id === undefined || callbackUrl === undefined ? undefined : { id, callbackUrl },
  };
}
