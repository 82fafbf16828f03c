import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CreateProduct } from '../../../product/port.js';
import { createProduct as createSample } from '../../../product/sample/adapter.js';

const LOOK_MS = 25;

/**
 * The sample product, except that the answer of `provision` for an account named `held-…` is kept back, after its effect, until the
 * file `release-<account name>` is in the folder of the setting `folder`. Whoever cancels the call is not heard. The file
 * `entered-<account name>` says which processes are or were held.
 */
export const createProduct: CreateProduct = async (options) => {
  const sample = await createSample(options);
  const folder = options.settings['folder'] as string;
  return {
    ...sample,
    async provision(call) {
      const answer = await sample.provision(call);
      if (!call.accountName.startsWith('held-')) return answer;
      appendFileSync(join(folder, `entered-${call.accountName}`), `${process.pid}\n`);
      while (!existsSync(join(folder, `release-${call.accountName}`))) await sleep(LOOK_MS);
      return answer;
    },
  };
};
