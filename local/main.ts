import { messageOf } from './local-error.js';
import { whenNpmEnds } from '../config/npm-parent.js';
import { confirmInstallation, sendInstallation, webUiLink } from './demo.js';
import { readLocalSettings, USAGE } from './settings.js';
import { createLocal, type Local, type RunningLocal } from './start.js';
import { createTimeline, type Timeline } from './timeline.js';

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Gives the exit code. */
async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const unknown = args.find((arg) => !['--once', '--help', '-h'].includes(arg));
  if (unknown !== undefined) {
    process.stderr.write(`${unknown} is not known here.\n\n${USAGE}\n`);
    return 1;
  }
  if (args.includes('--help') || args.includes('-h')) {
    say(USAGE);
    return 0;
  }
  const once = args.includes('--once');
  const settings = readLocalSettings(process.env, once);
  const timeline = createTimeline(say);
  const local = createLocal({ env: process.env, settings, say, observe: timeline.observe });
  process.on('exit', () => local.killAll());
  const signalled = onSignal();
  try {
    const outcome = await Promise.race([run(local, timeline, once, settings.dataDir), signalled]);
    if (outcome === 'done') return 0;
    say(`\n${outcome}: stopping (once more to stop at once).`);
    // Asked to end before the installation was confirmed, a single run has not done what it was for.
    return once ? 1 : 0;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return 1;
  } finally {
    await local.stop();
  }
}

/** Starts, shows one installation, and stays up until something fails, or not at all with `once`. */
async function run(local: Local, timeline: Timeline, once: boolean, dataDir: string): Promise<'done'> {
  say(`Starting; data folder ${dataDir}`);
  const running = await local.start();
  // Counted from the start of this process: its own modules are part of what is waited for.
  say(`Everything is up after ${(performance.now() / 1000).toFixed(1)} s. One installation, sent by the simulator:`);
  const sent = await Promise.race([sendInstallation(running, timeline), local.failed]);
  const confirmed = confirmInstallation(running, timeline, sent);
  if (once) {
    await Promise.race([confirmed, local.failed]);
    say(
      `Installation ${sent.installationId} of ${sent.accountName} is completed at Talkdesk; account and users are in the product.`,
    );
    return 'done';
  }
  await Promise.race([confirmed.catch((error: unknown) => say(`  ${messageOf(error)}`)), local.failed]);
  await showLinks(running, await webUiLink(running, sent));
  return local.failed;
}

function showLinks(running: RunningLocal, runLink: string | null): void {
  say('');
  if (runLink !== null) say(`  this run in the Web UI   ${runLink}`);
  say(`  webhook                  ${running.service.ingressUrl}/webhooks/talkdesk`);
  say(`  health, metrics          ${running.service.opsUrl}/readyz  ${running.service.opsUrl}/metrics`);
  say(`  simulator's page         ${running.simulator.url}/`);
  say('\nCtrl-C stops everything in order.');
}

/** npm passes on a signal that the terminal has already sent to everybody: what comes within this time is the same wish. */
const SAME_WISH_MS = 1_000;

/** Fulfilled with the first signal that asks to end; a second one ends at once. */
function onSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let askedAt: number | null = null;
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(name, () => {
        askedAt ??= performance.now();
        // The exit handler kills the children.
        if (performance.now() - askedAt > SAME_WISH_MS) process.exit(1);
        resolve(name);
      });
    }
    whenNpmEnds(process.env, () => resolve('SIGTERM'));
  });
}

// A closed terminal must not keep the children from being stopped in order.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
main().then(
  // Not by an empty event loop: a transfer or a connection that is still open must not keep a stopped mode alive.
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(1);
  },
);
