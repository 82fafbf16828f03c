import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { ConfigurationError, type LoadConfigOptions, loadConfig } from '../../config/index.js';

/** Folder of this test file, and the working folder of its configurations. */
export const folder = mkdtempSync(path.join(tmpdir(), 'appconnect-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a file of this test and gives its path. */
export function file(name: string, content: unknown): string {
  const target = path.join(folder, name);
  writeFileSync(target, typeof content === 'string' ? content : JSON.stringify(content));
  return target;
}

/** 32 bytes, all 0x41, and all 0x42. */
export const KEY_A = 'QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=';
export const KEY_B = 'QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=';
/** Part of every secret setting; must not show up in a problem. */
export const SECRET = 'hunter2-do-not-show';

const appsFile = file('apps.json', { 'app-1': {} });
/** Settings that are enough. */
export const complete = {
  DATABASE_URL: `postgresql://app:${SECRET}@db:5432/appconnect`,
  PRODUCT_DATABASE_URL: `postgresql://sample:${SECRET}@db:5432/sample`,
  SEALING_KEYS: `k1:${KEY_A}`,
  APPS_FILE: appsFile,
};

/** Loads them with what a test changes; `undefined` takes a setting away. */
export const load = (env: Record<string, string | undefined> = {}, options: LoadConfigOptions = {}) =>
  loadConfig({ ...complete, ...env }, { cwd: folder, ...options });

/** The problems of an environment, as `variable: problem`. */
export function problemsOf(env: Record<string, string | undefined>, options: LoadConfigOptions = {}): string[] {
  try {
    load(env, options);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error));
    assert.ok(!error.message.includes(SECRET), error.message);
    return error.problems.map(({ variable, problem }) => `${variable}: ${problem}`);
  }
  return assert.fail('the configuration was accepted');
}
