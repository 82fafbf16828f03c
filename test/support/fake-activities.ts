import type { Activities } from '../../activities/index.js';
import type { ProcessRef, TenantView } from '../../contracts/messages.js';

/** What was called, in order, with its input. */
export interface Call {
  name: keyof Activities;
  input: unknown;
}

/** A tenant with one unsettled install, and every activity succeeding, unless overridden. Typed: a new activity breaks the build. */
export function fakeActivities(
  process: ProcessRef,
  overrides: Partial<Activities> = {},
): { activities: Activities; calls: Call[] } {
  const calls: Call[] = [];
  let open = true;
  const base: Activities = {
    takeEvents: async () => viewOf(open ? [process] : []),
    syncFromTalkdesk: async () => ({ remoteState: 'waiting', users: 3 }),
    provisionAccount: async () => ({ productAccountId: 'account-1', users: 3 }),
    postDecision: async (input) => ({ result: input.decision === 'approve' ? 'approved' : 'rejected' }),
    readRemoteState: async () => ({ remoteState: 'waiting' }),
    readFinalState: async () => ({ finalState: 'dead', attempted: null }),
    undoProvisioning: async () => undefined,
    recordOutcome: async (input) => ({ outcome: input.outcome }),
    parkProcess: async () => undefined,
    resumeProcess: async () => undefined,
  };
  const merged = { ...base, ...overrides };
  const recorded = Object.fromEntries(
    Object.entries(merged).map(([name, activity]) => [
      name,
      async (input: never) => {
        calls.push({ name: name as keyof Activities, input });
        const result = await (activity as (input: never) => Promise<unknown>)(input);
        if (name === 'recordOutcome') open = false;
        if (name === 'postDecision' && (result as { result: string }).result === 'approved') open = false;
        return result;
      },
    ]),
  ) as unknown as Activities;
  return { activities: recorded, calls };
}

/** A view with these processes open, the newest of them being the tenant's newest install. */
export function viewOf(processes: ProcessRef[]): TenantView {
  const newest = processes.at(-1) ?? null;
  return {
    record: {
      newestInstall:
        newest === null
          ? null
          : { eventId: newest.eventId, createdAtMs: newest.createdAtMs, installationId: newest.installationId },
    },
    events: processes.map(({ eventId, installationId, createdAtMs }) => ({
      eventId,
      type: 'app.installed',
      installationId,
      createdAtMs,
    })),
    processes,
  };
}
