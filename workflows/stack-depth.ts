/**
 * Loaded once per worker, before the first run (worker/build-bundle.ts): an error in workflow code carries the place where it arose
 * and its caller. The SDK takes a stack for every promise that a run makes, for the Web UI's stack trace of an open run; at V8's ten
 * places each that was a third of the CPU of the workflow thread (docs/performance.md).
 */
Error.stackTraceLimit = 2;

export {};
