// The store as the rest of the service sees it, in one place.
export type * from './types/inbox.js';
export type * from './types/taking.js';
export type * from './types/tenant-state.js';
export type * from './types/records.js';
export type * from './types/users.js';
export type * from './types/processes.js';
export type * from './types/store.js';
