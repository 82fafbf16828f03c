export type { Config } from './config.js';
export { ConfigurationError } from './errors.js';
export { type LoadConfigOptions, loadConfig } from './load-config.js';
export { loadOperatorConfig } from './load-operator-config.js';
export { describeSettings, settingsHelp } from './settings.js';
