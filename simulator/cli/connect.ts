import { createClient, type SimulatorClient } from '../client/client.js';
import type { Installation } from '../client/types.js';
import { CommandError, UsageError } from './errors.js';
import type { Io } from './io.js';

const DEFAULT_URL = 'http://127.0.0.1:3002';

/**
 * The running simulator that a command talks to.
 * @throws UsageError when its address is no URL
 */
export function connect(url: string | undefined, { env }: Io): SimulatorClient {
  const wanted = url ?? (env['SIMULATOR_URL'] || DEFAULT_URL);
  const parsed = URL.canParse(wanted) ? new URL(wanted) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    const name = url === undefined ? 'SIMULATOR_URL' : '--simulator';
    throw new UsageError(`${name} must be an http or https URL such as ${DEFAULT_URL}, not "${wanted}".`);
  }
  return createClient(wanted);
}

/** Which installation is meant: by a prefix of its id or `latest`, and by its account's name or id. */
export interface Which {
  installation: string | undefined;
  account?: string | undefined;
  app?: string | undefined;
}

/**
 * The one installation that is meant; the only one when nothing is said.
 * @throws CommandError when it is none or more than one
 */
export async function findInstallation(client: SimulatorClient, which: Which): Promise<Installation> {
  const all = await client.installations();
  if (all.length === 0) {
    throw new CommandError(
      'There is no installation yet. Make one: npm run simulator -- trigger app.installed --app ID --callback URL',
    );
  }
  const { installation: wanted, account, app } = which;
  const candidates = all.filter(
    (one) =>
      (account === undefined || [one.account_id, one.account_name].includes(account)) &&
      (app === undefined || one.app_id === app),
  );
  if (wanted === 'latest') return only(candidates.slice(-1), which);
  const exact = candidates.filter(({ installation_id: id }) => id === wanted);
  if (exact.length === 1) return only(exact, which);
  return only(
    candidates.filter(({ installation_id: id }) => wanted === undefined || id.startsWith(wanted)),
    which,
  );
}

function only(found: Installation[], { installation, account, app }: Which): Installation {
  const [one, ...others] = found;
  const said = [
    installation === undefined ? '' : ` whose id is or begins with "${installation}"`,
    account === undefined ? '' : ` of account ${account}`,
    app === undefined ? '' : ` of app ${app}`,
  ].join('');
  if (one === undefined) throw new CommandError(`There is no installation${said}. The command "state" lists them all.`);
  if (others.length === 0) return one;
  const named = found.slice(0, 5).map((each) => `${each.installation_id} (${each.account_name}, ${each.state})`);
  const more = found.length > 5 ? `, and ${found.length - 5} more` : '';
  throw new CommandError(
    `Say which installation with --installation, by the beginning of its id or "latest": ${found.length} installations${said} are ${named.join(', ')}${more}.`,
  );
}
