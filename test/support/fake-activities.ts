import type { Activities } from '../../activities/index.js';
import type { OpenEvent } from '../../contracts/events.js';
import type { ProcessKind } from '../../contracts/ids.js';
import type { ProcessRef, Rival, TenantView } from '../../contracts/messages.js';

/** What was called, in order, with its input. */
export interface Call {
  name: keyof Activities;
  input: unknown;
}

/** Event types of the kinds of process. */
const TYPE_OF_KIND: Readonly<Record<ProcessKind, string>> = {
  install: 'app.installed',
  update: 'app.updated',
  uninstall: 'app.uninstalled',
  rotation: 'app.credentials_rotated',
};

/** What a tenant has, changed by the test while a run looks at it. */
export interface FakeTenant {
  processes: ProcessRef[];
  /** Events without a process: trials, and what waits for its install. */
  bareEvents: OpenEvent[];
  rivals: Rival[];
}

/** A tenant with these processes open. */
export function tenantWith(...processes: ProcessRef[]): FakeTenant {
  return { processes, bareEvents: [], rivals: [] };
}

/**
 * Every activity succeeding over this tenant, unless overridden; what records an outcome takes the process out of it. Typed: a new
 * activity breaks the build.
 */
export function fakeActivities(
  tenant: FakeTenant,
  overrides: Partial<Activities> = {},
): { activities: Activities; calls: Call[] } {
  const calls: Call[] = [];
  const settle = (processId: string) => {
    tenant.processes = tenant.processes.filter((process) => process.processId !== processId);
  };
  const settleEvent = (eventId: string) => {
    tenant.bareEvents = tenant.bareEvents.filter((event) => event.eventId !== eventId);
  };
  const base: Activities = {
    takeEvents: async () => viewOf(tenant),
    settleEvent: async () => undefined,
    syncFromTalkdesk: async () => ({ remoteState: 'waiting', users: 3 }),
    provisionAccount: async () => ({ productAccountId: 'account-1', users: 3 }),
    endAccess: async () => ({ access: 'ended' }),
    postDecision: async (input) => ({ result: input.decision === 'approve' ? 'approved' : 'rejected' }),
    proveCredentials: async () => ({ current: true }),
    acknowledgeCredentials: async () => undefined,
    requestRotation: async () => undefined,
    applyTrial: async () => ({ access: 'active' }),
    handOverLogout: async () => undefined,
    readRemoteState: async () => ({ remoteState: 'waiting' }),
    readFinalState: async () => ({ finalState: 'dead', attempted: null }),
    undoProvisioning: async () => undefined,
    recordOutcome: async (input) => ({ outcome: input.outcome }),
    recordPersonDecision: async ({ decision, reason }) => ({ decision, reason }),
    recordWarning: async () => undefined,
    parkProcess: async () => undefined,
    resumeProcess: async () => undefined,
  };
  const recording = (name: keyof Activities) => async (input: never) => {
    calls.push({ name, input });
    const result = await ({ ...base, ...overrides }[name] as (input: never) => Promise<unknown>)(input);
    const { processId = '', eventId = '' } = input as { processId?: string; eventId?: string };
    const answered = (result as { result?: string } | undefined)?.result;
    if (name === 'recordOutcome' || name === 'acknowledgeCredentials') settle(processId);
    if (name === 'postDecision' && (answered === 'approved' || answered === 'credentials-gone')) settle(processId);
    if (name === 'applyTrial' || name === 'settleEvent') settleEvent(eventId);
    return result;
  };
  const names = Object.keys(base) as (keyof Activities)[];
  const activities = Object.fromEntries(names.map((name) => [name, recording(name)])) as unknown as Activities;
  return { activities, calls };
}

/** What `takeEvents` answers for a tenant. The newest install among its processes is the tenant's newest. */
function viewOf(tenant: FakeTenant): TenantView {
  const newest = tenant.processes.filter((process) => process.kind === 'install').at(-1);
  const taken = tenant.processes.map(({ eventId, installationId, createdAtMs, kind }) => ({
    ...{ eventId, installationId, createdAtMs },
    receivedAtMs: createdAtMs,
    type: TYPE_OF_KIND[kind],
    taken: true,
  }));
  return {
    record: {
      newestInstall:
        newest === undefined
          ? null
          : { eventId: newest.eventId, createdAtMs: newest.createdAtMs, installationId: newest.installationId },
      rivals: [...tenant.rivals],
    },
    events: [...taken, ...tenant.bareEvents],
    processes: [...tenant.processes],
  };
}
