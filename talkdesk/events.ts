/** The readers of event bodies, one file each. */
export { parseChange } from './changed.js';
export { assertKnownHosts, parseInstalled } from './installed.js';
export { parseLogout } from './logout.js';
export { parseRotated } from './rotated.js';
export { parseTrial } from './trial.js';
export { withoutSecrets } from './without-secrets.js';
