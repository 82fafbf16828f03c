import { createChangeEvents } from './change-events.js';
import { createClaims } from './claims.js';
import { createCredentials } from './credentials.js';
import type { Database } from './database.js';
import { NotFoundError } from './errors.js';
import { createEvents } from './events.js';
import { Prisma } from './generated/client.js';
import { createInstallEvents } from './install-events.js';
import { createInstallations } from './installations.js';
import { createMappings } from './mappings.js';
import { createOutcomes } from './outcomes.js';
import { createProcessChanges } from './process-changes.js';
import { PROCESS_COLUMNS, PROCESS_TABLES, type ProcessRow, readProcessRow } from './process-rows.js';
import { createProductChanges } from './product-changes.js';
import { createSettings } from './settings.js';
import { createTenantState } from './tenant-state.js';
import { createTrials } from './trials.js';
import type { Processes, Sealer } from './types.js';

/** The workers' side of the store. */
export function createProcesses(deps: { database: Database; sealer: Sealer }): Processes {
  const { database } = deps;

  return {
    ...createEvents(deps),
    ...createInstallEvents(deps),
    ...createChangeEvents(deps),
    ...createTrials(database),
    ...createTenantState(database),
    ...createCredentials(deps),
    ...createInstallations(database),
    ...createMappings(database),
    ...createSettings(database),
    ...createClaims(database),
    ...createProcessChanges(database),
    ...createProductChanges(database),
    ...createOutcomes(database),

    async read(processId) {
      const [row] = await database.query<ProcessRow>(Prisma.sql`
        SELECT ${PROCESS_COLUMNS} FROM ${PROCESS_TABLES} WHERE p.id = ${processId}`);
      if (row === undefined) throw new NotFoundError('process', processId);
      return readProcessRow(row);
    },
  };
}
