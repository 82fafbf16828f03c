import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { Client as PostgresClient } from 'pg';
import { workflowIdOf } from '../contracts/ids.js';
import { LocalError } from './local-error.js';
import type { SentInstallation } from './simulator.js';
import { DEMO_APP_ID } from './service-env.js';
import type { RunningLocal } from './start.js';
import type { Timeline } from './timeline.js';

/** The installation is a matter of milliseconds; this is for a machine that is busy with other things. */
const INSTALL_LIMIT_MS = 60_000;
const READ_BACK_LIMIT_MS = 10_000;

/** Has the simulator send one `app.installed` for the first app of the service, and follows it on the timeline. */
export async function sendInstallation(local: RunningLocal, timeline: Timeline): Promise<SentInstallation> {
  const appId = local.appIds[0] ?? DEMO_APP_ID;
  await local.simulator.registerApp(appId, `${local.service.ingressUrl}/webhooks/talkdesk`);
  const sent = await local.simulator.install(appId);
  timeline.follow(sent);
  return sent;
}

/**
 * Waits for the end of the installation and checks it where it counts: at the stand-in Talkdesk and in the product.
 * @throws LocalError with the reason when it did not end well within a minute
 */
export async function confirmInstallation(
  local: RunningLocal,
  timeline: Timeline,
  sent: SentInstallation,
): Promise<void> {
  const end = await Promise.race([timeline.settled, sleep(INSTALL_LIMIT_MS, null, { ref: false })]);
  if (end === null) {
    const last = timeline.last();
    throw new LocalError(
      `The installation was not decided within ${INSTALL_LIMIT_MS / 1000} s; ${last === null ? 'its event was not received' : `its last step was: ${last.name}`}.`,
    );
  }
  if (end.name !== 'approved') {
    throw new LocalError(
      `The installation was not approved but ${end.name}${end.note === undefined ? '' : `: ${end.note}`}.`,
    );
  }
  const expected = await waitForCompleted(local, sent.installationId);
  if (local.usesSample) await checkSampleProduct(local.productDatabaseUrl, sent, expected);
}

/** The page of the installation's run in the Web UI, or null when this mode runs none. */
export async function webUiLink(local: RunningLocal, sent: SentInstallation): Promise<string | null> {
  const { address, namespace, uiUrl } = local.temporal;
  if (address === null || uiUrl === null) return null;
  const workflowId = workflowIdOf({ appId: sent.appId, accountId: sent.accountId });
  const connection = await Connection.connect({ address });
  try {
    const { runId } = await new Client({ connection, namespace }).workflow.getHandle(workflowId).describe();
    return `${uiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}/${runId}/history`;
  } catch {
    // The run is not there (yet): the list of runs shows it when it is.
    return `${uiUrl}/namespaces/${namespace}/workflows`;
  } finally {
    await connection.close();
  }
}

/** Gives the number of users that the installation has at the stand-in Talkdesk. */
async function waitForCompleted(local: RunningLocal, installationId: string): Promise<number> {
  const deadline = performance.now() + READ_BACK_LIMIT_MS;
  for (;;) {
    const { state, users } = await local.simulator.installation(installationId);
    if (state === 'completed') return users;
    if (performance.now() > deadline)
      throw new LocalError(`Talkdesk's stand-in holds the installation as "${state}", not as completed.`);
    await sleep(50);
  }
}

async function checkSampleProduct(databaseUrl: string, sent: SentInstallation, expectedUsers: number): Promise<void> {
  const client = new PostgresClient({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    const { rows } = await client.query<{ status: string; users: number }>(
      `SELECT a.status, count(u.user_id)::int AS users FROM account a
       LEFT JOIN account_user u ON u.account_id = a.account_id AND u.active
       WHERE a.app_id = $1 AND a.talkdesk_account_id = $2 GROUP BY a.account_id`,
      [sent.appId, sent.accountId],
    );
    const account = rows[0];
    if (account === undefined) throw new LocalError('The sample product holds no account for the installation.');
    if (account.status !== 'active') throw new LocalError(`The account in the sample product is ${account.status}.`);
    if (account.users !== expectedUsers) {
      throw new LocalError(
        `The sample product holds ${account.users} users of the account, Talkdesk ${expectedUsers}.`,
      );
    }
  } finally {
    await client.end();
  }
}
