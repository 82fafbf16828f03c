/** Path of the ingress below which a product says "ask me again now": followed by the process id. Given to products: kept for ever. */
export const PRODUCT_CALLBACK_PATH = '/callbacks/product';

/** Where the product of a process may ask to be polled at once. `publicUrl` has no trailing slash. */
export function productCallbackUrl(publicUrl: string, processId: string): string {
  return `${publicUrl}${PRODUCT_CALLBACK_PATH}/${encodeURIComponent(processId)}`;
}
