import type { Process } from '../../world/world.js';
import type { RequestEntry } from '../ledger.js';
import { breachOf, decisiveRequest, isComplete, type Rule, type Subject, wasTold } from './rule.js';

const nameOf: Record<Process['kind'], string> = {
  install: 'the installation',
  update: 'the update',
  uninstall: 'the uninstallation',
  rotation: 'the rotation',
};

const oneEffectiveDecision: Rule = {
  rule: 'one-effective-decision',
  title: 'Each process gets one decision, and no further call once it is answered',
  source: 'talkdesk-api.md 4.4, 4.5',
  judge(subject, seen) {
    const { requests } = subject;
    // Of each process: the first call whose answer the caller has got.
    const told = new Map<string | null, RequestEntry>();
    const unanswerable = eventsWithoutProcess(subject);
    for (const entry of requests) {
      const { decision } = entry;
      if (decision === null || decision.effect === 'late') continue;
      const first = told.get(decision.event_id);
      if (decision.effect === 'opposite') {
        const what = `${decision.verb} was sent for a process that was already decided the other way.`;
        seen.broken(breachOf(entry, what, decision.event_id));
      } else if (decision.effect === 'none') {
        seen.broken(breachOf(entry, `Nothing waited for this acknowledgement: ${entry.verdict}.`, decision.event_id));
      } else if (decision.effect === 'repeated' && first !== undefined) {
        const answered = unanswerable.findIndex(({ attempts }) => attempts.some(({ n }) => n < entry.n));
        if (answered >= 0) {
          unanswerable.splice(answered, 1);
          seen.kept();
          continue;
        }
        const what = `${decision.verb} was sent again, although request ${first.n} had been answered ${first.status}.`;
        seen.broken(breachOf(entry, what, decision.event_id));
      } else if (decision.effect === 'took-effect') seen.kept();
      if (first === undefined && wasTold(entry)) told.set(decision.event_id, entry);
    }
  },
};

const decidable = new Set(['app.installed', 'app.updated', 'app.uninstalled']);

/**
 * Events that ask for a decision which no process takes any more, or ever did: another one had taken its place, or the event was
 * made by hand. A backend cannot know, so one decision for each is right, although it finds the state decided already.
 */
function eventsWithoutProcess({ installation, events }: Subject): Subject['events'][number][] {
  const own = new Map(installation?.processes.map((process) => [process.eventId, process]));
  return events.filter(({ id, type }) => {
    const process = own.get(id);
    return decidable.has(type) && (process === undefined || process.ended?.how === 'superseded');
  });
}

const decidedInsideWindow: Rule = {
  rule: 'decided-inside-window',
  title: 'Each process is answered before its window ends',
  source: 'talkdesk-api.md 7.1',
  judge(subject, seen) {
    for (const process of subject.installation?.processes ?? []) {
      if (process.decided !== null) seen.kept();
      else if (isMissed(process, subject.now) && wasDelivered(subject, process) && !wasPrevented(subject, process)) {
        const late = subject.requests.find(
          ({ decision }) => decision?.effect === 'late' && decision.event_id === process.eventId,
        );
        const end = `the window of ${nameOf[process.kind]} had ended at ${process.deadline.toISOString()}`;
        const at = process.deadline.toISOString();
        if (late !== undefined) seen.broken(breachOf(late, `The decision came when ${end}.`, process.eventId));
        else seen.broken({ at, event_id: process.eventId, request: null, what: `No decision had come when ${end}.` });
      }
    }
  },
};

function isMissed({ ended, deadline }: Process, now: Date): boolean {
  return ended === null ? now > deadline : ended.how === 'timeout' || ended.how === 'deprovisioned';
}

function wasDelivered({ events }: Subject, process: Process): boolean {
  return events.find(({ id }) => id === process.eventId)?.attempts.some(({ delivered }) => delivered) ?? false;
}

/** The last thing that the backend heard about the process was a fault: an outage that the window did not outlast. */
function wasPrevented({ requests }: Subject, process: Process): boolean {
  const last = requests.findLast(({ waiting }) => waiting?.event_id === process.eventId);
  return last !== undefined && last.fault !== null;
}

const noDecisionBeforeAcknowledgement: Rule = {
  rule: 'no-decision-before-acknowledgement',
  title: 'An event is acknowledged before it is decided on',
  source: 'talkdesk-api.md 1.5',
  judge({ requests, events }, seen) {
    for (const entry of requests) {
      const { decision, waiting } = entry;
      if (decision?.effect !== 'took-effect' || decision.verb === 'acknowledged' || waiting === null) continue;
      if (waiting.acknowledged === true) seen.kept();
      if (waiting.acknowledged !== false) continue;
      // A delivery that was cut off, or is still under way, may have reached the backend all the same.
      const attempts = events.find(({ id }) => id === waiting.event_id)?.attempts ?? [];
      if (attempts.some(({ status }) => status === null)) continue;
      seen.broken(breachOf(entry, `${decision.verb} was sent before the delivery of its event had been answered 2xx.`));
    }
  },
};

const uninstallApproved: Rule = {
  rule: 'uninstall-approved',
  title: 'An uninstallation is approved, never rejected',
  source: 'talkdesk-api.md 7.2',
  judge(subject, seen) {
    for (const process of subject.installation?.processes ?? []) {
      if (process.kind !== 'uninstall' || process.decided === null) continue;
      if (process.decided.verb === 'approve') seen.kept();
      else {
        const request = decisiveRequest(subject, process)?.n ?? null;
        const what = 'An uninstallation was rejected: the customer has gone, and can only be let go.';
        seen.broken({ at: process.decided.at.toISOString(), event_id: process.eventId, request, what });
      }
    }
  },
};

const settingsReadBeforeUpdateApproved: Rule = {
  rule: 'settings-read-before-update-approved',
  title: 'Users and subscription are read anew before an update is approved',
  source: 'talkdesk-api.md 1.4',
  judge(subject, seen) {
    for (const process of approvedProcesses(subject, ['update'])) {
      const missing = ['users', 'subscription'].filter(
        (route) => !readsOf(subject, process).some((entry) => entry.route === route),
      );
      if (missing.length === 0) seen.kept();
      else {
        const why = 'what the event says is a change that can be lost or overtaken';
        const what = `The update was approved, but ${missing.join(' and ')} had not been read while it waited: ${why}.`;
        seen.broken(approvalBreach(subject, process, what));
      }
    }
  },
};

const usersReadToTheEnd: Rule = {
  rule: 'users-read-to-the-end',
  title: 'A list of users that has more pages is read to its last one',
  source: 'talkdesk-api.md 6',
  judge(subject, seen) {
    for (const process of approvedProcesses(subject, ['install', 'update'])) {
      const pages = readsOf(subject, process).filter((entry) => entry.more_pages !== null);
      if (pages.length === 0) continue;
      if (pages.some((entry) => entry.more_pages === false)) seen.kept();
      else {
        const what = `${nameOf[process.kind]} was approved, but the users had been read to a page that has a next one.`;
        seen.broken(approvalBreach(subject, process, `T${what.slice(1)}`));
      }
    }
  },
};

function approvedProcesses(subject: Subject, kinds: Process['kind'][]): Process[] {
  return (subject.installation?.processes ?? []).filter(
    (process) => kinds.includes(process.kind) && process.decided?.verb === 'approve' && isComplete(subject, process),
  );
}

/** What was read about a process while it waited for its decision. */
function readsOf({ requests }: Subject, process: Process): RequestEntry[] {
  return requests.filter(
    ({ method, status, waiting }) => method === 'GET' && status === 200 && waiting?.event_id === process.eventId,
  );
}

function approvalBreach(subject: Subject, process: Process, what: string) {
  const at = (process.decided?.at ?? process.createdAt).toISOString();
  return { at, event_id: process.eventId, request: decisiveRequest(subject, process)?.n ?? null, what };
}

/** Rules about the decisions of a backend. */
export const decisionRules: Rule[] = [
  oneEffectiveDecision,
  decidedInsideWindow,
  noDecisionBeforeAcknowledgement,
  settingsReadBeforeUpdateApproved,
  usersReadToTheEnd,
  uninstallApproved,
];
