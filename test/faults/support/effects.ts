import { effectsOf } from '../../support/outcomes.js';
import type { InstallationView } from '../../support/simulator.js';
import type { Surroundings } from '../../support/stack.js';

/** Installations as Talkdesk has them: all, or those of an account. */
export async function installationsOf({ simulator }: Surroundings, accountId?: string): Promise<InstallationView[]> {
  const all = await simulator.control.installations();
  return accountId === undefined ? all : all.filter(({ account_id: id }) => id === accountId);
}

/**
 * I3 at the product, as sentences: it does a key's work once, so a key of any other form than process and step would be a second effect of
 * one step, and a process of no event an effect that nobody asked for.
 */
export async function doubledCalls({ product, simulator }: Surroundings): Promise<string[]> {
  const strange = await product.query<{ process_id: string; idempotency_key: string }>(
    `SELECT process_id, idempotency_key FROM call_ledger
      WHERE NOT starts_with(idempotency_key, process_id || ':')
         OR position(':' IN substr(idempotency_key, length(process_id) + 2)) > 0`,
  );
  const processes = await product.query<{ process_id: string }>(
    `SELECT DISTINCT process_id FROM call_ledger WHERE process_id ~ '^(install|update|uninstall|rotation):'`,
  );
  const events = new Set((await simulator.control.events()).map(({ event_id: id }) => id));
  const unknown = processes.filter(({ process_id: id }) => !events.has(id.slice(id.indexOf(':') + 1)));
  return [
    ...strange.map(({ process_id: id, idempotency_key: key }) => `I3: a call for ${id} has the idempotency key ${key}`),
    ...unknown.map(({ process_id: id }) => `I3: the product was called for ${id}, which is no event of Talkdesk's`),
  ];
}

/** I3 and I4 at Talkdesk, as sentences. */
export async function doubledDecisions(surroundings: Surroundings, only?: string): Promise<string[]> {
  const found: string[] = [];
  for (const { installation_id: id } of await installationsOf(surroundings, only)) {
    const { decidedAgain, late } = await effectsOf(surroundings, id);
    found.push(
      ...decidedAgain.map((eventId) => `I3: event ${eventId} of ${id} was decided more than once at Talkdesk`),
      ...late.map((route) => `I4: a request on ${route} took effect at ${id} after its uninstall was approved`),
    );
  }
  return found;
}
