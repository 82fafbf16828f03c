import type { Logger } from 'pino';
import type { DispatchItem, Inbox } from '../store/types.js';
import type { Dispatcher } from './dispatcher.js';
import { messageOf } from './errors.js';
import type { Metrics } from './metrics.js';
import type { LifecycleStarter } from './temporal.js';
import { TemporalError } from './temporal-errors.js';

/** Time the dispatcher has to hand an event over before the sweeper does. */
const GRACE_MS = 3_000;
/** Time for which a claimed event is not given to another sweeper: longer than a pass takes. */
const LEASE_MS = 15_000;
/**
 * Runs out of a backlog that are under way at a time, of all sweepers together (those that look in the same moment may each add as many):
 * the workers stay free for what comes in meanwhile, and
 * a backlog goes as fast as they are through with it.
 */
const OPEN_MAX = 3;
/** A run that is not through by then, because something that it needs is down, no longer keeps the next one waiting. */
const OPEN_FOR_MS = 5_000;
/** Between two passes while there is a backlog. */
const BACKLOG_PAUSE_MS = 250;
/** Hand-overs at a time within a pass. */
const PARALLEL = 4;
/** An unsettled event is audited again after this time. */
const AUDIT_QUIET_MS = 10 * 60_000;
const AUDIT_BATCH = 50;
/**
 * Parts of a Temporal server go on with a namespace for some seconds after it was deleted, and take starts for it, which are then gone: for a while
 * after the namespace was another one, what was handed over is audited soon.
 */
const RENEWED_FOR_MS = 2 * 60_000;
const RENEWED_QUIET_MS = 15_000;

/** What one pass did: events handed over, and events whose run had gone and was started again. */
export interface SweepResult {
  handedOver: number;
  restarted: number;
}

/** Hands over what the dispatcher could not, and restarts what lost its run. */
export interface Sweeper {
  start(): void;
  /** Ends the timer and waits for a pass that is under way. */
  stop(): Promise<void>;
  /** One pass; joins the one under way. Never throws: what fails is logged and left to the next pass. */
  sweepOnce(): Promise<SweepResult>;
}

/** Creates the sweeper. Any number of processes may sweep one inbox: each event is claimed by one of them. */
export function createSweeper(deps: {
  inbox: Pick<Inbox, 'claimUndispatched' | 'claimForAudit'>;
  dispatcher: Pick<Dispatcher, 'handOver'>;
  starter: LifecycleStarter;
  metrics: Metrics;
  log: Logger;
  intervalMs: number;
  /** Overrides for tests. */
  graceMs?: number;
  auditQuietMs?: number;
}): Sweeper {
  const { inbox, dispatcher, starter, metrics, log } = deps;
  let timer: NodeJS.Timeout | undefined;
  let stopping = false;
  let running: Promise<SweepResult> | undefined;
  let preparedFor: string | undefined;
  let lastProblem: string | undefined;
  let handedOverAtMs = Number.NEGATIVE_INFINITY;
  let auditDueAtMs = Number.NEGATIVE_INFINITY;
  let renewedAtMs = Number.NEGATIVE_INFINITY;

  /** Once per namespace id: a server that was emptied has forgotten the search attribute. */
  async function prepare(namespaceId: string): Promise<void> {
    if (preparedFor === namespaceId) return;
    try {
      await starter.ensureSearchAttributes();
    } catch (error) {
      // Not a reason to stop: where it may not be asked, the attribute may still be there.
      if (!(error instanceof TemporalError) || error.kind !== 'refused') throw error;
      log.error({ alarm: 'temporal', reason: error.message }, 'search attribute not ensured');
    }
    if (preparedFor !== undefined) {
      log.warn({ namespaceId }, 'the Temporal namespace is a new one: open events are handed over again');
      renewedAtMs = performance.now();
    }
    preparedFor = namespaceId;
  }

  /** Gives how many of the items `act` said yes to. Stops early at the first sign that Temporal is away. */
  async function forEach(items: DispatchItem[], act: (item: DispatchItem) => Promise<boolean>): Promise<number> {
    const waiting = [...items];
    let done = 0;
    const work = async (): Promise<void> => {
      for (let item = waiting.shift(); item !== undefined && !stopping; item = waiting.shift()) {
        try {
          if (await act(item)) done += 1;
        } catch (error) {
          log.warn(
            { eventId: item.eventId, installationId: item.installationId, reason: messageOf(error) },
            'event not handed over',
          );
          if (error instanceof TemporalError && error.kind === 'unavailable') waiting.length = 0;
        }
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
    return done;
  }

  async function handOver(item: DispatchItem, again: boolean): Promise<boolean> {
    await dispatcher.handOver(item, { durableFirst: true, again });
    return true;
  }

  /** Gives how many runs it started again. Not with every pass of a backlog: those come often. */
  async function audit(): Promise<number> {
    if (performance.now() < auditDueAtMs) return 0;
    auditDueAtMs = performance.now() + deps.intervalMs / 2;
    const isRenewed = performance.now() - renewedAtMs <= RENEWED_FOR_MS;
    const quietMs = isRenewed ? RENEWED_QUIET_MS : (deps.auditQuietMs ?? AUDIT_QUIET_MS);
    const quiet = await inbox.claimForAudit({ quietMs, limit: AUDIT_BATCH });
    if (quiet.length > 0) metrics.claimed('audit', quiet.length);
    return await forEach(quiet, async (item) => {
      if (await starter.isOpen(item)) return false;
      log.warn(
        { eventId: item.eventId, installationId: item.installationId },
        'unsettled event without an open run: started again',
      );
      return await handOver(item, true);
    });
  }

  async function pass(): Promise<SweepResult> {
    const namespaceId = await starter.namespaceId({ refresh: true });
    await prepare(namespaceId);
    const undispatched = await inbox.claimUndispatched({
      graceMs: deps.graceMs ?? GRACE_MS,
      leaseMs: LEASE_MS,
      namespaceId,
      openMax: OPEN_MAX,
      openForMs: OPEN_FOR_MS,
    });
    if (undispatched.length > 0) {
      metrics.claimed('undispatched', undispatched.length);
      handedOverAtMs = performance.now();
    }
    const handedOver = await forEach(undispatched, (item) => handOver(item, false));

    const restarted = await audit();
    if (handedOver + restarted > 0) log.info({ handedOver, restarted }, 'sweeper handed events over');
    return { handedOver, restarted };
  }

  async function guardedPass(): Promise<SweepResult> {
    try {
      const result = await pass();
      if (lastProblem !== undefined) log.info('sweeper works again');
      lastProblem = undefined;
      return result;
    } catch (error) {
      // Once per problem, not once per pass: an outage lasts many passes.
      const problem = messageOf(error);
      if (problem !== lastProblem)
        log.error({ alarm: 'sweeper', reason: problem }, 'sweeper could not finish its pass');
      lastProblem = problem;
      return { handedOver: 0, restarted: 0 };
    }
  }

  async function sweepOnce(): Promise<SweepResult> {
    running ??= guardedPass().finally(() => {
      running = undefined;
    });
    return await running;
  }

  function schedule(): void {
    if (stopping) return;
    // Where a backlog is, the next of it is due as soon as a run is through, and within `OPEN_FOR_MS` at the latest.
    const isBacklog = performance.now() - handedOverAtMs <= OPEN_FOR_MS + LEASE_MS;
    const pauseMs = isBacklog ? Math.min(BACKLOG_PAUSE_MS, deps.intervalMs) : deps.intervalMs;
    // Jitter, so that several processes do not sweep in step.
    const delayMs = pauseMs * (0.75 + Math.random() / 2);
    timer = setTimeout(() => void sweepOnce().then(schedule), delayMs);
  }

  return {
    sweepOnce,
    start() {
      void sweepOnce().then(schedule);
    },
    async stop() {
      stopping = true;
      clearTimeout(timer);
      await running;
    },
  };
}
