/** A command line that is not understood; its message is the sentence that says what is allowed. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A command that was understood and cannot be carried out; its message says what to do. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
