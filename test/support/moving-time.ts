import { writeFile } from 'node:fs/promises';
import { ApplicationFailure } from '@temporalio/activity';
import { msToNumber } from '@temporalio/common/lib/time.js';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { startTestService, type TestService } from './service.js';
import { createSurroundings, type Surroundings } from './stack.js';
import { createTimeSkipping } from './temporal.js';

/** Failed attempts in a row that keep the delays they ask for: seconds first, then minutes. */
const ATTEMPTS_AT_OWN_PACE = 7;
/** Between the attempts after those, instead of minutes: tens of attempts in a week instead of thousands. */
const RETRY_EVERY_MS = 12 * 60 * 60_000;

/** The service with every part real but the passing of the days. */
export interface MovingTime {
  env: TestWorkflowEnvironment;
  surroundings: Surroundings;
  service: TestService;
  /** Business time of the service and of the simulator, milliseconds since the epoch. */
  nowMs(): number;
  /**
   * Has `act` done when the time has come: with both clocks at it, and before anything that an activity does later. An error of it is
   * thrown by `sleepUntil` and `stop`.
   */
  at(timeMs: number, act: () => Promise<unknown>): void;
  /** Puts the simulator's clock so much ahead of the service's (behind it where negative), from the next look at the time on. */
  setTalkdeskAhead(ms: number): void;
  /** Lets days pass on the server, and with them for the simulator and the service. */
  sleepUntil(timeMs: number): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a time-skipping server and the service on it. Before an activity acts, the days that the server skipped have passed for the
 * service and the simulator, too.
 * @param options.app the app's entry in APPS_FILE
 */
export async function startMovingTime(options: { app?: object } = {}): Promise<MovingTime> {
  const env = await createTimeSkipping();
  let nowMs = await env.currentTimeMs();
  let aheadMs = 0;
  const agenda: { timeMs: number; act: () => Promise<unknown> }[] = [];
  let failure: { error: unknown } | null = null;
  let following: Promise<void> = Promise.resolve();

  /** One after the other: an activity that looks at the time meanwhile waits until it has come. */
  async function follow(): Promise<void> {
    following = following.then(catchUp);
    await following;
  }

  async function catchUp(): Promise<void> {
    const serverMs = await env.currentTimeMs();
    while (agenda[0] !== undefined && agenda[0].timeMs <= serverMs) {
      const { timeMs, act } = agenda.shift() as (typeof agenda)[number];
      await moveTo(timeMs);
      await act().catch((error: unknown) => {
        failure ??= { error };
      });
    }
    await moveTo(serverMs);
  }

  async function moveTo(timeMs: number): Promise<void> {
    if (timeMs <= nowMs) return;
    nowMs = timeMs;
    await surroundings.simulator.control.setClock(new Date(nowMs + aheadMs));
  }

  const movingClocks: ActivityInterceptorsFactory = (context) => ({
    inbound: {
      async execute(input, next) {
        await follow();
        try {
          return await next(input);
        } catch (error) {
          throw context.info.attempt <= ATTEMPTS_AT_OWN_PACE ? error : lessOften(error);
        }
      },
    },
  });

  const surroundings = await createSurroundings({ temporalAddress: env.address });
  if (options.app !== undefined) {
    await writeFile(surroundings.env['APPS_FILE'] as string, JSON.stringify({ [surroundings.appId]: options.app }));
  }
  await surroundings.simulator.control.setClock(new Date(nowMs));
  const service = await startTestService(surroundings, {
    now: () => new Date(nowMs),
    activityInterceptors: [movingClocks],
  });
  return {
    env,
    surroundings,
    service,
    nowMs: () => nowMs,
    at(timeMs, act) {
      agenda.push({ timeMs, act });
      agenda.sort((a, b) => a.timeMs - b.timeMs);
    },
    setTalkdeskAhead(ms) {
      aheadMs = ms;
    },
    async sleepUntil(timeMs) {
      const leftMs = timeMs - (await env.currentTimeMs());
      if (leftMs > 0) await env.sleep(leftMs);
      await follow();
      if (failure !== null) throw failure.error;
    },
    async stop() {
      await service.stop();
      await surroundings.stop();
      await env.teardown();
      if (failure !== null) throw failure.error;
    },
  };
}

function lessOften(error: unknown): unknown {
  if (!(error instanceof ApplicationFailure) || error.nextRetryDelay === undefined) return error;
  if (msToNumber(error.nextRetryDelay) >= RETRY_EVERY_MS) return error;
  const { message, type } = error;
  return ApplicationFailure.create({
    message,
    type: type as string,
    nonRetryable: false,
    nextRetryDelay: RETRY_EVERY_MS,
  });
}
