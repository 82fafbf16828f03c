import type { CrashPoint } from './points.js';

/** What the test tells a service process; `off`: neither ends nor records from now on. Every one begins the counts anew. */
export type ToChild = { do: 'crash'; at: CrashPoint } | { do: 'record' } | { do: 'report' } | { do: 'off' };

/** What it answers. */
export type FromChild =
  | { said: 'working'; ingressUrl: string; opsUrl: string }
  | { said: 'ready' }
  | { said: 'calls'; calls: CrashPoint[] };
