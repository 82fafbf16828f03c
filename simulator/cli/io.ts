/** What a command is given from outside, and where its words go. */
export interface Io {
  /** One or more lines of result, without the last line's end. */
  out(text: string): void;
  /** What went wrong, the same way. */
  err(text: string): void;
  /** A person may be watching: words may be coloured. */
  isTerminal: boolean;
  env: Readonly<Record<string, string | undefined>>;
}

/** One command of the command line. */
export interface Command {
  /** What `--help` says: usage, options, examples. */
  help: string;
  /**
   * Carries it out.
   * @param words what follows the command's name
   * @returns the exit code: 0 done, 1 refused or not possible
   * @throws UsageError when the words are not understood
   */
  run(words: string[], io: Io): Promise<number>;
}
