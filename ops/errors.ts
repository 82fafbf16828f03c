/** The command was not understood. The message is one sentence for the person at the keyboard. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What was asked for was refused, or could not be done. The message is one sentence that says why. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
}
