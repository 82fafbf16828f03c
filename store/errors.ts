/**
 * The database cannot take or give anything now: it is away, starting, full, out of connections, read-only or too slow. Trying
 * again later can help. Carries no statement and no value, so that it can be logged as it is.
 */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
}

/** The database refused a statement for good; the message holds its code, never a value. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  /** SQLSTATE or Prisma code, when there is one. */
  readonly code: string | null;

  constructor(message: string, code: string | null) {
    super(message);
    this.code = code;
  }
}

/** A sealed text cannot be opened: unknown key, moved to another place, changed, or not a sealed text at all. */
export class SealingError extends Error {
  override readonly name = 'SealingError';
}

/** A process that has its outcome was to be given another one. */
export class OutcomeConflictError extends Error {
  override readonly name = 'OutcomeConflictError';
  readonly processId: string;
  /** The outcome that stands. */
  readonly recorded: string;
  /** The outcome that was refused. */
  readonly refused: string;

  constructor(processId: string, recorded: string, refused: string) {
    super(`The process ${processId} has the outcome ${recorded}; ${refused} was not recorded.`);
    this.processId = processId;
    this.recorded = recorded;
    this.refused = refused;
  }
}

/** No row of that kind has this id. */
export class NotFoundError extends Error {
  override readonly name = 'NotFoundError';
  readonly what: 'process' | 'event' | 'installation';
  readonly id: string;

  constructor(what: 'process' | 'event' | 'installation', id: string) {
    super(`The store has no ${what} ${id}.`);
    this.what = what;
    this.id = id;
  }
}

/** An event names an installation that is known under another app or account; nothing was taken. */
export class ForeignInstallationError extends Error {
  override readonly name = 'ForeignInstallationError';
  readonly installationId: string;

  constructor(installationId: string) {
    super(`The installation ${installationId} is already known under another app or account; its event was not taken.`);
    this.installationId = installationId;
  }
}

/** The database's migrations are not what this version needs; the message says what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}
