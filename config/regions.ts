import { z } from 'zod';
import type { RegionConfig } from './config.js';
import { addIssues, type Problems, readJsonSetting } from './problems.js';
import { baseUrlProblem, withoutTrailingSlash } from './urls.js';

const VARIABLE = 'TALKDESK_REGIONS_FILE';
/** Names of the regions that are there without a file (talkdesk/regions.ts; a test holds the two together). */
export const SHIPPED_REGION_NAMES: readonly string[] = ['us', 'eu', 'ca', 'au', 'au-mytalkdesk', 'uk'];
/** A host name, or `*.` and a domain, with an optional port. */
const TOKEN_HOST = /^(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?$|^\[[0-9a-f:.]+\](?::\d{1,5})?$/i;

const regionSchema = z.strictObject(
  {
    name: z.string('must be a text').min(1, 'must not be empty'),
    gateway: z.string('must be a URL'),
    tokenHosts: z.array(z.string('must be a host').regex(TOKEN_HOST, 'must be host, host:port or *.domain'), {
      error: 'must be a list of hosts',
    }),
  },
  {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown: ${issue.keys.join(', ')}; allowed are name, gateway and tokenHosts`
        : 'must be an object with name, gateway and tokenHosts',
  },
);

/**
 * Reads the regions that a file adds to the shipped ones (talkdesk-api.md 3.1). A gateway must be https, or one of the hosts that may be
 * used over plain http.
 */
export function readRegions(
  path: string | undefined,
  insecureHosts: readonly string[],
  problems: Problems,
): RegionConfig[] {
  if (path === undefined) return [];
  const content = readJsonSetting(VARIABLE, path, problems);
  if (content === undefined) return [];
  if (!Array.isArray(content)) {
    problems.add(VARIABLE, `the file ${path} must hold a JSON array of regions`);
    return [];
  }
  const names = new Set<string>();
  const regions: RegionConfig[] = [];
  content.forEach((entry, index) => {
    const place = `[${index}]`;
    const parsed = regionSchema.safeParse(entry);
    if (!parsed.success) {
      addIssues(VARIABLE, place, parsed.error.issues, problems);
      return;
    }
    const problem = baseUrlProblem(parsed.data.gateway, insecureHosts);
    if (problem !== null) problems.add(`${VARIABLE} ${place}.gateway`, problem);
    if (names.has(parsed.data.name)) problems.add(`${VARIABLE} ${place}.name`, 'is used twice');
    names.add(parsed.data.name);
    regions.push({ ...parsed.data, gateway: withoutTrailingSlash(parsed.data.gateway) });
  });
  return regions;
}
