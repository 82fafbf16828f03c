/** One setting that cannot be used, and what to do about it. Never holds the value of a secret. */
export interface SettingProblem {
  /** The environment variable, with the place inside its file where there is one. */
  variable: string;
  problem: string;
}

/** The settings cannot be used. The message names every problem, a line each; no value of a secret is in it. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';

  constructor(readonly problems: readonly SettingProblem[]) {
    super(
      ['The configuration cannot be used:', ...problems.map((item) => `  ${item.variable}: ${item.problem}`)].join(
        '\n',
      ),
    );
  }
}
