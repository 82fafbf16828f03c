/** The simulator refused; the message is its own sentence. */
export class Refused extends Error {
  override readonly name = 'Refused';

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Nothing that is a simulator answers there. */
export class NotRunning extends Error {
  override readonly name = 'NotRunning';
}
