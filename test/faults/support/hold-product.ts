import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Surroundings } from '../../support/stack.js';
import { fromRunner } from '../../support/temporal.js';

/** Answers that are kept back. */
export interface HeldProduct {
  /** Processes whose calls for the account were held, one entry for each call. */
  heldIn(accountName: string): number[];
  release(accountName: string): void;
}

/** The product of services that are started from now on is the one that can keep its answers back. */
export function holdProduct({ env, folder, appId }: Surroundings): HeldProduct {
  const adapter = join(dirname(fromRunner('TEST_FAULTY_SERVICE')), 'held-product.js');
  const settings = { databaseUrl: env['PRODUCT_DATABASE_URL'], folder };
  writeFileSync(env['APPS_FILE'] as string, JSON.stringify({ [appId]: { product: { adapter, settings } } }));
  return {
    heldIn(accountName) {
      const file = join(folder, `entered-${accountName}`);
      return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(Number) : [];
    },
    release: (accountName) => writeFileSync(join(folder, `release-${accountName}`), ''),
  };
}
