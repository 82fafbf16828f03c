/** A scenario's verdict against the backend; the three sentences say it to the person who must act. */
export class ScenarioFailure extends Error {
  override readonly name = 'ScenarioFailure';

  constructor(
    readonly expected: string,
    readonly seen: string,
    readonly advice: string,
  ) {
    super(`${expected} ${seen}`);
  }
}

/** A scenario, or the whole check, cannot be carried out; the message says what to do. */
export class CannotRun extends Error {
  override readonly name = 'CannotRun';
}

/** A person has stopped the check. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}
