/** A snapshot that cannot be read, written or loaded; its message says why, and nothing was changed. */
export class SnapshotProblem extends Error {
  override readonly name = 'SnapshotProblem';
}
