import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CreateProduct } from '../../../product/port.js';
import { createProduct as createSample } from '../../../product/sample/adapter.js';

/**
 * The sample product behind a barrier: the first answer of `provision` is held back, after its effect, for as long as the process
 * lives. The file named by the setting `barrier` tells the test that the effect has happened, and a later process that it may pass.
 */
export const createProduct: CreateProduct = async (options) => {
  const sample = await createSample(options);
  const barrier = options.settings['barrier'] as string;
  return {
    ...sample,
    async provision(call) {
      const answer = await sample.provision(call);
      if (!existsSync(barrier)) {
        writeFileSync(barrier, 'the effect has happened');
        await sleep(60_000);
      }
      return answer;
    },
  };
};
