import type { z } from 'zod';
import type { CreateProduct, Pending, Product, ProductCall, ProductOptions, Refusal } from '../port.js';
import { PRODUCT_PORT_VERSION } from '../port.js';
import {
  account,
  changes,
  nothing,
  pendingAnswer,
  provisioned,
  readDone,
  readPendingOperation,
  readRefusal,
  readRetryAfterMs,
  syncedUsers,
  unexpected,
} from './answers.js';
import { readHttpSettings } from './settings.js';
import { createTransport, type ProductResponse } from './transport.js';

/** Paths below the base address: where the call of each name is posted. */
const PATHS = {
  provision: 'provision',
  update: 'update',
  suspend: 'suspend',
  resume: 'resume',
  deprovision: 'deprovision',
  lookup: 'lookup',
  syncUsers: 'sync-users',
  previewUsers: 'preview-users',
  onLogout: 'logout',
} as const satisfies Record<Exclude<keyof Product, 'close'>, string>;

type CallName = keyof typeof PATHS;

/** An operation of this adapter says how the work is asked about: at a status address, or by the same call with the product's own name. */
const BY_STATUS = 'GET ';
const BY_CALL = 'POST ';

/**
 * The adapter for products over HTTP, in any language: `docs/product-port.md` describes the protocol, `openapi.yaml` beside this file
 * its messages. Settings: `url`, `signingSecret`, and `privateAddresses`.
 *
 * @throws ProductConfigurationError when a setting is missing or cannot be used
 */
export const createProduct = (({ settings, now, insecureHosts = [] }: ProductOptions): Product => {
  const http = readHttpSettings(settings, insecureHosts);
  const { host } = http.base;
  const transport = createTransport(http, insecureHosts);
  const urlOf = (name: CallName) => new URL(`v${PRODUCT_PORT_VERSION}/${PATHS[name]}`, http.base);

  function post(name: CallName, content: object, signal: AbortSignal, idempotencyKey?: string) {
    const key = idempotencyKey === undefined ? {} : { idempotencyKey };
    // Signatures cover the body alone: so it says what is called, and under which key.
    const body = JSON.stringify({ call: PATHS[name], ...key, ...content });
    return transport.send({ call: PATHS[name], method: 'POST', url: urlOf(name), body, signal, ...key });
  }

  /** A changing call: posted, or asked about at the status address that the last answer named. */
  async function change<T extends object>(
    name: CallName,
    { signal, idempotencyKey, operation, ...content }: ProductCall,
    schema: z.ZodType<T>,
  ): Promise<({ status: 'done' } & T) | Pending | Refusal> {
    const asked = { call: PATHS[name], host };
    const statusUrl = operation?.startsWith(BY_STATUS) ? onThisHost(operation.slice(BY_STATUS.length)) : null;
    if (statusUrl !== null) {
      const response = await transport.send({ call: asked.call, method: 'GET', url: statusUrl, signal });
      // The product forgot the work, or has tidied up: the same key tells what became of it.
      if (response.status !== 404 && response.status !== 410) return answerOf(response, statusUrl);
    }
    const own = operation?.startsWith(BY_CALL) ? { operation: operation.slice(BY_CALL.length) } : {};
    return answerOf(await post(name, { ...content, ...own }, signal, idempotencyKey), null);

    function answerOf(response: ProductResponse, askedAt: URL | null) {
      const { status, headers } = response;
      if (status === 200 || status === 204) return { status: 'done' as const, ...readDone(asked, response, schema) };
      if (status === 409 || status === 422) return readRefusal(asked, response);
      if (status !== 202) throw unexpected(asked, status);
      const retryAfterMs = readRetryAfterMs(response, now());
      const location = headers.location === undefined ? askedAt : onThisHost(headers.location, askedAt ?? urlOf(name));
      if (location !== null) return pendingAnswer(asked, `${BY_STATUS}${location.href}`, retryAfterMs);
      if (headers.location !== undefined) {
        throw new Error(`${host} named a status address that is not on ${http.base.origin}.`);
      }
      const named = readPendingOperation(response);
      return pendingAnswer(asked, named === undefined ? undefined : `${BY_CALL}${named}`, retryAfterMs);
    }
  }

  return {
    provision: (call) => change('provision', call, provisioned),
    update: (call) => change('update', call, nothing),
    suspend: (call) => change('suspend', call, nothing),
    resume: (call) => change('resume', call, nothing),
    deprovision: (call) => change('deprovision', call, nothing),
    syncUsers: (call) => change('syncUsers', call, syncedUsers),
    onLogout: (call) => change('onLogout', call, nothing),
    async lookup({ appId, accountId, signal }) {
      const asked = { call: PATHS.lookup, host };
      const response = await post('lookup', { appId, accountId }, signal);
      if (response.status === 200) return readDone(asked, response, account);
      if (response.status !== 404) throw unexpected(asked, response.status);
      // A wrong base address answers 404, too, but not with a reason.
      readRefusal(asked, response);
      return null;
    },
    async previewUsers({ signal, idempotencyKey: _unused, operation: _none, callbackUrl: _neither, ...content }) {
      const asked = { call: PATHS.previewUsers, host };
      const response = await post('previewUsers', content, signal);
      if (response.status === 200) return { status: 'done', ...readDone(asked, response, changes) };
      if (response.status === 409 || response.status === 422) return readRefusal(asked, response);
      throw unexpected(asked, response.status);
    },
    async close() {
      transport.close();
    },
  };

  /**
   * The status address, or null when it is on another host: requests are signed for this product alone. One that was kept is so when the
   * product has moved since.
   */
  function onThisHost(text: string, relativeTo: URL = http.base): URL | null {
    const url = URL.canParse(text, relativeTo.href) ? new URL(text, relativeTo) : null;
    if (url === null || url.origin !== http.base.origin || url.username !== '' || url.password !== '') return null;
    url.hash = '';
    return url;
  }
}) satisfies CreateProduct;
