import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ProductConfigurationError } from './errors.js';
import type { CreateProduct, Product, ProductOptions } from './port.js';

/** Names the adapter that ships with this service. */
const SAMPLE = 'sample';
const HTTP_URL = /^https?:\/\//i;

/** Every method of the port; the type keeps the list complete. */
const METHODS: Record<keyof Product, true> = {
  provision: true,
  update: true,
  suspend: true,
  resume: true,
  deprovision: true,
  lookup: true,
  syncUsers: true,
  previewUsers: true,
  onLogout: true,
  close: true,
};

/** Which adapter to load. */
export interface ProductTarget {
  /**
   * Path of a module that exports `createProduct`; an http or https URL: the HTTP adapter, with this as its setting `url`; the word
   * `sample` or nothing: the shipped sample.
   */
  adapter?: string;
}

/** The product settings of one app. */
export interface AppProduct {
  readonly product: { readonly adapter: string; readonly settings: Readonly<Record<string, string>> };
}

/** The products of all apps. */
export interface Products {
  /** The product of an app. @throws ProductConfigurationError for an app that is not configured */
  productFor(appId: string): Product;
  /** Closes every product once; all are tried, the first failure is thrown. */
  close(): Promise<void>;
}

/**
 * Loads an adapter and creates its product.
 *
 * @param cwd folder that a relative adapter path is relative to
 * @throws ProductConfigurationError when there is no such module, it is not an adapter, or the adapter cannot be created
 */
export async function loadProduct(
  target: ProductTarget,
  options: ProductOptions,
  cwd: string = process.cwd(),
): Promise<Product> {
  const adapter = target.adapter === undefined || target.adapter === '' ? SAMPLE : target.adapter;
  const createProduct = await importAdapter(adapter, cwd);
  let product: unknown;
  try {
    const settings = HTTP_URL.test(adapter) ? { ...options.settings, url: adapter } : options.settings;
    product = await createProduct({ ...options, settings });
  } catch (error) {
    if (error instanceof ProductConfigurationError) throw error;
    throw new ProductConfigurationError(`The product adapter ${adapter} cannot be created: ${reasonOf(error)}`);
  }
  const missing = Object.keys(METHODS).filter((method) => typeof memberOf(product, method) !== 'function');
  if (missing.length > 0) {
    throw new ProductConfigurationError(
      `The product adapter ${adapter} is incomplete: createProduct() gave no object with ${missing.join(', ')}.`,
    );
  }
  return product as Product;
}

async function importAdapter(adapter: string, cwd: string): Promise<CreateProduct> {
  let module: unknown;
  try {
    if (HTTP_URL.test(adapter)) module = await import('./http/adapter.js');
    else if (adapter === SAMPLE) module = await import('./sample/adapter.js');
    else module = await import(pathToFileURL(path.resolve(cwd, adapter)).href);
  } catch (error) {
    throw new ProductConfigurationError(`The product adapter ${adapter} cannot be loaded: ${reasonOf(error)}`);
  }
  const createProduct = memberOf(module, 'createProduct');
  if (typeof createProduct !== 'function') {
    throw new ProductConfigurationError(`The product adapter ${adapter} does not export a function createProduct.`);
  }
  return createProduct as CreateProduct;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'it threw something that is not an Error';
}

/**
 * Creates the products of all apps. Apps with the same adapter and the same settings share one.
 *
 * @param apps by app id, as the configuration has them
 * @throws ProductConfigurationError for the first product that cannot be loaded; those created before are closed
 */
export async function createProducts(
  apps: Readonly<Record<string, AppProduct>>,
  { cwd, ...shared }: Omit<ProductOptions, 'settings'> & { cwd?: string },
): Promise<Products> {
  const byTarget = new Map<string, Product>();
  const byApp = new Map<string, Product>();

  async function close(): Promise<void> {
    const closing = await Promise.allSettled([...byTarget.values()].map((product) => product.close()));
    const failed = closing.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  for (const [appId, { product: wanted }] of Object.entries(apps)) {
    const target = JSON.stringify([wanted.adapter, Object.entries(wanted.settings).sort()]);
    let product = byTarget.get(target);
    if (product === undefined) {
      try {
        product = await loadProduct(wanted, { ...shared, settings: wanted.settings }, cwd);
      } catch (error) {
        // The reason for the failed start is worth more than one for a failed end.
        await close().catch(() => undefined);
        throw error;
      }
      byTarget.set(target, product);
    }
    byApp.set(appId, product);
  }

  return {
    productFor(appId) {
      const product = byApp.get(appId);
      if (product === undefined) {
        throw new ProductConfigurationError(`There is no product for app ${appId}: add the app to APPS_FILE.`);
      }
      return product;
    },
    close,
  };
}
