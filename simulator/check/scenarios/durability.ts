import { acknowledged, approved, isSuccess } from '../conduct.js';
import { CannotRun } from '../failure.js';
import type { Probe } from '../probe.js';
import { runCommand } from '../restart.js';
import type { Scenario } from '../types.js';
import { until } from '../waiting.js';

/** So many events at once, so that some are being answered when the backend is killed. */
const burst = 6;
const rounds = 2;
const routes = ['token', 'account', 'installation', 'users', 'subscription', 'state'];

/** An event that was answered 2xx is never sent again, and an app.installed holds the only copy of its keys (talkdesk-api.md 1.5). */
export const durability: readonly Scenario[] = [
  {
    name: 'durable-acknowledgement',
    title: 'What was answered 2xx is still done when the backend is killed at that moment and started again.',
    requirements: ['lifecycle-events', 'technical-certification'],
    needs: ['own-token-per-installation'],
    missing: ({ restart }) =>
      restart === undefined ? 'needs --restart "CMD", which kills the backend with SIGKILL and starts it again' : null,
    async run(probe) {
      for (let round = 1; round <= rounds; round += 1) await oneRound(probe);
    },
  },
];

async function oneRound(probe: Probe): Promise<void> {
  const made = await Promise.all(Array.from({ length: burst }, () => probe.prepare()));
  // Nothing can be finished before the backend is killed, so all that it knows is what it has stored.
  const ends = await Promise.all(
    made.flatMap(({ installation_id }) =>
      routes.map((route) => probe.fault({ kind: 'status', route, status: 503, times: 1_000_000, installation_id })),
    ),
  );
  let killed: Promise<Error | null> | undefined;
  const answers = await Promise.all(
    made.map(async (installation) => {
      const answer = await probe.client.deliver(installation.event_id);
      if (isSuccess(answer.status)) killed ??= restarted(probe);
      return { installation, taken: isSuccess(answer.status) };
    }),
  );
  if (killed === undefined) {
    // The reason is in the failure of a plain delivery.
    await acknowledged(probe, made[0]?.event_id ?? '', 'the app.installed event');
    return;
  }
  const problem = await killed;
  if (problem !== null) throw problem;
  await answersAgain(probe);
  for (const end of ends) await end();
  // A backend that has just been started has more to do than this.
  const afterRestartMs = 2 * probe.options.patienceMs;
  const taken = answers.filter((answer) => answer.taken);
  probe.note(`killed at the first 2xx; ${taken.length} of ${burst} deliveries were answered 2xx`);
  for (const { installation } of taken) {
    const kind = 'install whose event was answered 2xx before the backend was killed';
    await approved(probe, installation.installation_id, installation.event_id, kind, afterRestartMs);
  }
}

/** Runs the command; its failure is given and not thrown, because deliveries are still awaited. */
async function restarted({ options }: Probe): Promise<Error | null> {
  try {
    await runCommand(options.restart ?? '', options.patienceMs);
    return null;
  } catch (error) {
    return error as Error;
  }
}

async function answersAgain(probe: Probe): Promise<void> {
  const { webhook, patienceMs } = probe.options;
  const back = await until(async () => {
    const sent = await probe.client.sendRaw({ callback_url: webhook, json: {}, sign: { tamper: 'unsigned' } });
    return sent.status == null ? undefined : true;
  }, patienceMs);
  if (back === undefined) {
    throw new CannotRun(`--restart: nothing answers at ${webhook} ${patienceMs / 1000} s after the command has ended.`);
  }
}
