/**
 * A product cannot be used as it is configured: its adapter is missing, is not an adapter, or lacks a setting. Worded for the person
 * who sets it up; holds no values of settings.
 */
export class ProductConfigurationError extends Error {
  override readonly name = 'ProductConfigurationError';
}
