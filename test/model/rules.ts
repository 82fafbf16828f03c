import { compareEvents } from '../../contracts/events.js';
import type { ProcessRef } from '../../contracts/messages.js';
import type { EventRow } from './store.js';

/** Whether this event ends this open process early: docs/lifecycle.md, "What ends an open process early", told as sentences. */
export function endsEarly({ event, status }: Pick<EventRow, 'event' | 'status'>, process: ProcessRef): boolean {
  const own = event.installationId === process.installationId;
  const laterSecond = event.createdAtMs > process.createdAtMs;
  const sameSecondOrLater = event.createdAtMs >= process.createdAtMs;
  const later = compareEvents(event, process) > 0;
  switch (event.type) {
    case 'app.installed':
      if (process.kind === 'install') return later;
      return laterSecond && (own || process.kind === 'update');
    case 'app.updated':
      return process.kind === 'update' && own && laterSecond;
    case 'app.uninstalled':
      if (process.kind === 'uninstall' || !own || !sameSecondOrLater) return false;
      return process.kind !== 'rotation' || status === 'settled';
    case 'app.credentials_rotated':
      return process.kind === 'rotation' && own && later;
    default:
      return false;
  }
}
