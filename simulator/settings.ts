import { z } from 'zod';
import { runLinkNames } from './control/run-link.js';
import { type RegionName, regionNames } from './world/regions.js';

const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an absolute http or https URL' });
const port = z.coerce.number().int().min(0).max(65_535);
const names = regionNames.join(', ');

/** A link of the page, with placeholders for what it is about. */
const runLink = httpUrl.refine(
  (text) => (text.match(/\{\w*\}/g) ?? []).every((name) => runLinkNames.includes(name.slice(1, -1))),
  `may hold ${runLinkNames.map((name) => `{${name}}`).join(', ')} and no other placeholder`,
);

const regionList = z
  .string()
  .transform((text) => text.split(',').map((name) => name.trim()))
  .pipe(z.array(z.enum(regionNames, { error: `must be names of regions with commas between them: ${names}` })))
  .refine((list) => new Set(list).size === list.length, 'names a region twice');

const urlList = z
  .string()
  .transform((text) => text.split(',').map((url) => url.trim()))
  .pipe(
    z.array(z.url({ protocol: /^https?$/, error: 'must be absolute http or https URLs with commas between them' })),
  );

/** `eu=3012,ca=3013`: a value for each of some regions. */
function perRegion<T>(value: z.ZodType<T>, example: string) {
  const regionName = z.enum(regionNames);
  return z.string().transform((text, context) => {
    const values = new Map<RegionName, T>();
    for (const pair of text.split(',')) {
      const [name, given] = pair.trim().split(/=(.*)/s, 2);
      const region = regionName.safeParse(name);
      const read = value.safeParse(given);
      if (region.success && read.success && !values.has(region.data)) values.set(region.data, read.data);
      else context.addIssue(`must be such as ${example}, each region once; regions are ${names}`);
    }
    return values;
  });
}

const settingsSchema = z.object({
  SIMULATOR_HOST: z.string().min(1).default('127.0.0.1'),
  SIMULATOR_PORT: port.default(3002),
  SIMULATOR_BASE_URL: httpUrl.optional(),
  SIMULATOR_REGIONS: regionList.default([...regionNames]),
  SIMULATOR_REGION_PORTS: perRegion(port, 'eu=3012,ca=3013').optional(),
  SIMULATOR_REGION_BASE_URLS: perRegion(httpUrl, 'eu=https://eu.example,ca=https://ca.example').optional(),
  SIMULATOR_APP_ID: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "-" or "_"')
    .optional(),
  SIMULATOR_CALLBACK_URL: httpUrl.optional(),
  SIMULATOR_RUN_LINK: runLink.optional(),
  SIMULATOR_SNAPSHOT: z.string().optional(),
  SIMULATOR_CLOCK_FOLLOWERS: urlList.default([]),
});

/** A region to serve. */
export interface RegionSettings {
  region: RegionName;
  /** 0: any free one. */
  port: number;
  /** Without a slash at its end; undefined: as the listener says. */
  baseUrl: string | undefined;
}

/** The simulator's settings. */
export interface Settings {
  host: string;
  /** At least one. */
  regions: RegionSettings[];
  app: { id: string; callbackUrl: string } | undefined;
  /** A URL with placeholders. */
  runLink: string | undefined;
  /** A file that is loaded at the start if it is there, and saved at the end. */
  snapshot: string | undefined;
  /** URLs that are told the time. */
  clockFollowers: string[];
}

/** The settings by name. */
export const settingNames = Object.keys(settingsSchema.shape);

/** The settings for `serve --help`. */
export const settingsHelp = `  SIMULATOR_HOST              address to listen on (127.0.0.1)
  SIMULATOR_PORT              port of the first region, 0 for any free one (3002)
  SIMULATOR_BASE_URL          public base URL of the first region's links (default: the listener)
  SIMULATOR_REGIONS           the regions to serve, each on a port of its own (${regionNames.join(',')})
  SIMULATOR_REGION_PORTS      ports of further regions, such as eu=3012,ca=3013 (any free ones)
  SIMULATOR_REGION_BASE_URLS  public base URLs of further regions, such as eu=https://eu.example (the listeners)
  SIMULATOR_APP_ID            with SIMULATOR_CALLBACK_URL: an app that is known from the start
  SIMULATOR_CALLBACK_URL      where that app's events are sent
  SIMULATOR_RUN_LINK          the page's link to an installation's run: a URL with {app_id}, {account_id}, {installation_id}, {event_id}
  SIMULATOR_CLOCK_FOLLOWERS   URLs, with commas between them, that are told the time at each step of a jump: PUT {"now", "offset_ms", "mode"}
  SIMULATOR_SNAPSHOT          a file with the whole state, secrets included: loaded at the start if it is there, saved at the end`;

/**
 * Reads the settings; an empty variable counts as not set.
 * @throws Error that names every wrong variable and what it may be
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = settingsSchema.safeParse(given);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path[0]?.toString()}: ${issue.message}`);
    throw new Error([...new Set(problems)].join('\n'));
  }
  const { SIMULATOR_APP_ID: id, SIMULATOR_CALLBACK_URL: callbackUrl, ...settings } = parsed.data;
  if ((id === undefined) !== (callbackUrl === undefined)) {
    throw new Error('SIMULATOR_APP_ID and SIMULATOR_CALLBACK_URL: set both or neither');
  }
  return {
    host: settings.SIMULATOR_HOST,
    regions: readRegions(settings),
    app: id === undefined || callbackUrl === undefined ? undefined : { id, callbackUrl },
    runLink: settings.SIMULATOR_RUN_LINK,
    snapshot: settings.SIMULATOR_SNAPSHOT,
    clockFollowers: settings.SIMULATOR_CLOCK_FOLLOWERS,
  };
}

/** @throws Error when a port or base URL is of no further region */
function readRegions(settings: z.infer<typeof settingsSchema>): RegionSettings[] {
  const [first, ...further] = settings.SIMULATOR_REGIONS;
  for (const name of ['SIMULATOR_REGION_PORTS', 'SIMULATOR_REGION_BASE_URLS'] as const) {
    const stray = [...(settings[name]?.keys() ?? [])].find((region) => !further.includes(region));
    if (stray === first) {
      const own = name === 'SIMULATOR_REGION_PORTS' ? 'SIMULATOR_PORT' : 'SIMULATOR_BASE_URL';
      throw new Error(`${name}: ${stray} is the first region; set ${own} for it`);
    }
    if (stray !== undefined) throw new Error(`${name}: ${stray} is not among SIMULATOR_REGIONS`);
  }
  const bare = (url: string | undefined) => url?.replace(/\/+$/, '');
  return settings.SIMULATOR_REGIONS.map((region) => ({
    region,
    port: region === first ? settings.SIMULATOR_PORT : (settings.SIMULATOR_REGION_PORTS?.get(region) ?? 0),
    baseUrl: bare(region === first ? settings.SIMULATOR_BASE_URL : settings.SIMULATOR_REGION_BASE_URLS?.get(region)),
  }));
}
