import { idempotencyKeyOf } from '../contracts/ids.js';
import type { EventInput, LogoutInput, TrialResult } from '../contracts/messages.js';
import type { AccountCall } from '../product/port.js';
import type { EventContext, Trial } from '../store/types.js';
import { TalkdeskDataError, TalkdeskError } from '../talkdesk/errors.js';
import { accessTo } from './access.js';
import type { Attempt } from './attempts.js';
import type { ActivityParts } from './deps.js';
import { asking, insisting, productOf } from './product-calls.js';
import { accessOfTrial, trialAfter } from './trials.js';

type KnownContext = EventContext & { installation: NonNullable<EventContext['installation']> };

/** Activities of events that have no process: trials and logouts. */
export function createBareEventActivities(parts: ActivityParts) {
  const { processes, talkdesk, productFor, now, observe, runAttempt, breakers } = parts;

  function callFor(event: KnownContext, productAccountId: string, step: string, attempt: Attempt): AccountCall {
    const { tenant, installationId, installation, eventId } = event;
    return {
      ...tenant,
      installationId,
      generation: installation.generation,
      processId: eventId,
      idempotencyKey: idempotencyKeyOf(eventId, step),
      productAccountId,
      signal: attempt.signal,
    };
  }

  /** The kind of plan as Talkdesk says now; as we know it where Talkdesk cannot be asked any more. */
  async function planTypeOf({ tenant, installationId, installation }: KnownContext, attempt: Attempt) {
    const { apiRoot, tokenUrl, credential, planType } = installation;
    if (credential === null) return planType;
    try {
      const access = accessTo(parts, { tenant, installationId, apiRoot, tokenUrl, credential });
      return (await talkdesk.readSubscription(access, attempt)).type ?? planType;
    } catch (error) {
      const dead = error instanceof TalkdeskError && ['gone', 'credentials'].includes(error.failureClass);
      if (!dead) throw error;
      return planType;
    }
  }

  /** Suspends or resumes the account where the trial asks for it. Answers whether it is suspended then. */
  async function apply(event: KnownContext, trial: Trial, attempt: Attempt): Promise<boolean> {
    const { installation, productAccountId, tenant } = event;
    const { suspended } = installation;
    if (installation.state === 'ended' || !installation.newestOfTenant || productAccountId === null) return suspended;
    const wanted = await accessOfTrial(trial, () => planTypeOf(event, attempt));
    if (wanted === null || (wanted === 'suspended') === suspended) return suspended;
    const product = productFor(tenant.appId);
    const step = wanted === 'suspended' ? 'suspend' : 'resume';
    await breakers.guard(productOf(tenant), attempt, () =>
      insisting(parts, null, step, attempt, () => product[step](callFor(event, productAccountId, step, attempt))),
    );
    return wanted === 'suspended';
  }

  /** Who logged out, or why the event cannot be used. */
  function userOf(body: Buffer): string | Error {
    try {
      return parts.events.parseLogout(body).userId;
    } catch (error) {
      if (error instanceof TalkdeskDataError) return error;
      throw error;
    }
  }

  return {
    /** Brings the product account to what the newest trial event says, and records the event. */
    async applyTrial({ eventId }: EventInput): Promise<TrialResult> {
      return await runAttempt(async (attempt) => {
        const event = await processes.readEvent(eventId);
        const { installation, installationId, productAccountId } = event;
        const accessWhen = (suspended: boolean) => {
          if (productAccountId === null) return 'none';
          return suspended ? 'suspended' : 'active';
        };
        if (event.settled || installation === null) return { access: accessWhen(installation?.suspended === true) };
        const trial = trialAfter(installation.trial, parts.events.parseTrial(event.body), event.createdAt);
        const suspended = await apply({ ...event, installation }, trial, attempt);
        const at = now();
        await processes.recordTrial({ eventId, trial, suspended, at });
        const access = accessWhen(suspended);
        observe({
          name: 'trial',
          atMs: at.getTime(),
          installationId,
          eventId,
          note: `${event.type}, account ${access}`,
        });
        return { access };
      });
    },

    /** Hands a logout to the product, where there is an account, and records the event. */
    async handOverLogout({ eventId }: LogoutInput): Promise<void> {
      await runAttempt(async (attempt) => {
        const event = await processes.readEvent(eventId);
        if (event.settled) return;
        const { installation, productAccountId, tenant, installationId } = event;
        let reason = 'there is no product account to tell';
        if (installation?.newestOfTenant === true && productAccountId !== null) {
          const userId = userOf(event.body);
          if (userId instanceof Error) {
            const quarantined = { eventId, outcome: 'quarantined', reason: userId.message } as const;
            return await processes.settleEvent({ ...quarantined, at: now() });
          }
          const call = callFor({ ...event, installation }, productAccountId, 'logout', attempt);
          await breakers.guard(productOf(tenant), attempt, () =>
            asking(parts, null, 'logout', attempt, () =>
              productFor(tenant.appId).onLogout({ ...call, talkdeskUserId: userId }),
            ),
          );
          reason = 'handed to the product';
        }
        const at = now();
        await processes.settleEvent({ eventId, outcome: 'recorded', reason, at });
        observe({ name: 'logout', atMs: at.getTime(), installationId, eventId, note: reason });
      });
    },
  };
}
