import { createHash } from 'node:crypto';
import type { Router } from 'express';
import { z } from 'zod';
import type { Events } from '../events/events.js';
import type { Faults } from '../faults/faults.js';
import type { Ledger } from '../oracle/ledger.js';
import type { VirtualClock } from '../world/clock.js';
import type { Switches } from '../world/switches.js';
import { type Installation, type Process, type World, waitingProcess } from '../world/world.js';
import { newestLog } from './overview-log.js';
import { readInput } from './problem.js';
import type { RunLink } from './run-link.js';
import { installationView, settingsView } from './views.js';

/** What the overview is made from. */
export interface OverviewDeps {
  world: World;
  clock: VirtualClock;
  events: Events;
  ledger: Ledger;
  faults: Faults;
  switches: Switches;
  runLink: RunLink;
}

const shown = [
  ...['all', 'waiting'],
  ...['installing', 'completed', 'updating', 'suspended', 'uninstalled', 'rejected', 'timeout', 'revoked'],
];
const count = (least: number, most: number) =>
  z.coerce
    .number({ error: `must be a whole number from ${least} to ${most}` })
    .int()
    .min(least)
    .max(most);

/** `GET /_control/overview`: which installations are listed, and how much of the log is given. */
export const overviewSchema = z.strictObject({
  /** Part of an account's name, a region, or an id. */
  search: z.string().max(200).default(''),
  /** By state; `waiting`: everything that waits for the partner, the least time left first. Otherwise the newest come first. */
  show: z.enum(shown).default('all'),
  limit: count(1, 200).default(50),
  offset: count(0, 1_000_000).default(0),
  /** Adds all that is known about this installation. */
  selected: z.string().max(1000).optional(),
  /** Narrows the log to this installation. */
  installation_id: z.string().max(1000).optional(),
  /** How many of the newest deliveries and requests. */
  log: count(0, 500).default(100),
});
type OverviewQuery = z.infer<typeof overviewSchema>;

/**
 * `GET /overview`: what the page shows, in one answer. Its ETag changes with everything but the passing of time, so that whoever asks
 * every second with If-None-Match is answered 304 and nothing else while nothing happens.
 */
export function addOverviewRoute(router: Router, deps: OverviewDeps): void {
  router.get('/overview', (request, response) => {
    const answer = overview(deps, readInput(overviewSchema, request.query, 'query'));
    const { now, offset_ms, ...clock } = answer.clock;
    // Time that runs is known to whoever knows the offset; of time that stands still, it is the offset that changes.
    const facts = { ...answer, clock: { ...clock, at: clock.mode === 'frozen' ? now : offset_ms } };
    const tag = `"${createHash('sha256').update(JSON.stringify(facts)).digest('base64url')}"`;
    response.set({ etag: tag, 'cache-control': 'no-cache' });
    if (request.headers['if-none-match'] === tag) response.status(304).end();
    else response.json(answer);
  });
}

function overview(deps: OverviewDeps, query: OverviewQuery) {
  const { world, clock, events, ledger, faults, switches, runLink } = deps;
  const all = [...world.installations.values()];
  const selected = query.selected === undefined ? undefined : world.installations.get(query.selected);
  const waits = new Map(all.map((one) => [one, waiting(one)] as const).filter(([, processes]) => processes.length > 0));
  const matching = (query.show === 'waiting' ? byTimeLeft(waits) : all.reverse()).filter((one) => isListed(one, query));
  return {
    clock: clockFacts(clock),
    apps: [...world.apps.values()].map((app) => ({
      app_id: app.id,
      callback_url: app.callbackUrl,
      version_name: app.versionName,
    })),
    totals: {
      accounts: world.accountsById.size,
      installations: all.length,
      waiting: waits.size,
      faults: faults.all().length,
    },
    installations: {
      matching: matching.length,
      offset: query.offset,
      items: matching.slice(query.offset, query.offset + query.limit).map((one) => listed(one, runLink)),
    },
    selected:
      selected === undefined
        ? null
        : { ...installationView(selected), ...listed(selected, runLink), settings: settingsView(selected) },
    log: newestLog({ events, ledger, world }, { installationId: query.installation_id, limit: query.log }),
    switches,
  };
}

function clockFacts(clock: VirtualClock) {
  return {
    now: clock.now().toISOString(),
    offset_ms: clock.offsetMs(),
    mode: clock.mode(),
    next_due_at: clock.nextDueAt()?.toISOString() ?? null,
  };
}

/** A row of the list. */
function listed(installation: Installation, runLink: RunLink) {
  const { id, app, account, settings, trial, state } = installation;
  return {
    installation_id: id,
    app_id: app.id,
    account_id: account.id,
    account_name: account.name,
    region: account.region,
    state,
    state_reason: installation.stateReason,
    updated_at: installation.stateUpdatedAt.toISOString(),
    users_total: settings.userIds.length,
    plan: settings.plan,
    trial_expires_at: trial?.ended === null ? trial.expiresAt.toISOString() : null,
    waiting: waiting(installation).map(({ kind, eventId, createdAt, deadline }) => ({
      kind,
      event_id: eventId,
      created_at: createdAt.toISOString(),
      deadline: deadline.toISOString(),
    })),
    run_link: runLink(installation),
  };
}

/** What waits for the partner: the install, update or uninstall under way, and rotations that are not acknowledged. */
function waiting(installation: Installation): Process[] {
  const decision = waitingProcess(installation);
  const rotations = installation.processes.filter(({ kind, ended }) => kind === 'rotation' && ended === null);
  return decision === undefined ? rotations : [decision, ...rotations];
}

/** The one whose first window ends first comes first. */
function byTimeLeft(waits: ReadonlyMap<Installation, Process[]>): Installation[] {
  const ends = [...waits].map(([installation, processes]) => ({
    installation,
    at: Math.min(...processes.map(({ deadline }) => deadline.getTime())),
  }));
  return ends.sort((one, other) => one.at - other.at).map(({ installation }) => installation);
}

function isListed(installation: Installation, { search, show }: OverviewQuery): boolean {
  if (show !== 'all' && show !== 'waiting' && show !== installation.state) return false;
  const wanted = search.trim().toLowerCase();
  if (wanted === '') return true;
  const { id, app, account } = installation;
  return [account.name, account.region, id, account.id, app.id].some((text) => text.toLowerCase().includes(wanted));
}
