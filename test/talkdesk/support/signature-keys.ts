import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import type { TestContext } from 'node:test';
import { createHttpClient } from '../../../talkdesk/http.js';
import type { LookupLimits } from '../../../talkdesk/key-lookup.js';
import { createRegions } from '../../../talkdesk/regions.js';
import { createDeliveryVerifier } from '../../../talkdesk/signature-keys.js';
import type { SignatureKey, SignatureKeyStore } from '../../../talkdesk/types.js';
import { type Answer, json, startServer, type TestServer } from './server.js';
import { createClock, NOW } from './talkdesk.js';

const KEYS_PATH = '/events/signature-keys/';

/** Whoever signs deliveries, with one key. */
export interface Signer {
  keyId: string;
  publicText: string;
  sign: (body: Buffer) => string;
}

/** One with a fresh key, under an id that nobody has published yet. */
export function createSigner(keyId: string = randomUUID()): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    keyId,
    publicText: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    sign: (body) => sign('sha512', body, privateKey as KeyObject).toString('hex'),
  };
}

/** A gateway of Talkdesk that serves signature keys and nothing else. */
interface Gateway {
  server: TestServer;
  /** Served keys by id, `latest` among them. */
  keys: Map<string, Record<string, unknown>>;
  publish: (signer: Signer, facts?: Record<string, unknown>) => void;
  /** Ids that were asked for. */
  asked: () => string[];
}

/** Starts one; it knows no key. */
export async function startGateway(context: TestContext): Promise<Gateway> {
  const keys: Gateway['keys'] = new Map();
  const server = await startServer(context, (request, response) => {
    const key = keys.get(decodeURIComponent(request.path.slice(KEYS_PATH.length)));
    if (key === undefined) json(response, 404, { code: '0080021', message: 'Signature key not found' });
    else json(response, 200, key);
  });
  return {
    server,
    keys,
    publish: (signer, facts = { expires_at: '2026-01-07T00:00:00Z' }) => {
      const key = { key_id: signer.keyId, public_key: signer.publicText, created_at: '2026-01-03T00:00:00Z', ...facts };
      keys.set(signer.keyId, key);
      keys.set('latest', key);
    },
    asked: () => server.requests.map(({ path }) => path.slice(KEYS_PATH.length)),
  };
}

/** A store in memory that counts its readings. */
function createMemoryStore() {
  const rows: SignatureKey[] = [];
  const state = { rows, finds: 0, fails: false };
  const store: SignatureKeyStore = {
    find: async (keyId) => {
      state.finds += 1;
      if (state.fails) throw new Error('the store is away');
      return rows.filter((row) => row.keyId === keyId);
    },
    save: async (key) => {
      if (state.fails) throw new Error('the store is away');
      const index = rows.findIndex((row) => row.keyId === key.keyId && row.gateway === key.gateway);
      if (index === -1) rows.push(key);
      else rows[index] = key;
    },
  };
  return { ...state, state, store };
}

/** A verifier with a store in memory, a clock that is told the time, and gateways, one unless said. */
export async function setUp(
  context: TestContext,
  options: { gateways?: number; limits?: Partial<LookupLimits>; extraHosts?: string[] } = {},
) {
  const gateways = await Promise.all(Array.from({ length: options.gateways ?? 1 }, () => startGateway(context)));
  const hosts = [...gateways.map(({ server }) => server.host), ...(options.extraHosts ?? [])];
  const clock = createClock();
  const memory = createMemoryStore();
  const regions = createRegions(
    hosts.map((host) => ({ name: host, gateway: `http://${host}`, tokenHosts: [] })),
    hosts,
  );
  const create = () => {
    const verifier = createDeliveryVerifier({
      regions,
      http: createHttpClient({ insecureHosts: hosts }),
      store: memory.store,
      now: clock.now,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    });
    context.after(() => verifier.stop());
    return verifier;
  };
  const verifier = create();
  const [gateway] = gateways;
  assert.ok(gateway !== undefined);

  function bodyOf(root: string | null, createdAt = NOW.toISOString()): Buffer {
    const links = root === null ? {} : { root: { href: root } };
    return Buffer.from(
      JSON.stringify({ id: randomUUID(), type: 'app.installed', app_id: 'a', created_at: createdAt, _links: links }),
    );
  }
  const deliver = async (
    signer: Pick<Signer, 'keyId' | 'sign'>,
    body: Buffer = bodyOf(gateway.server.url),
    signature: string = signer.sign(body),
    target = verifier,
  ) => (await target.verify({ rawBody: body, signature, keyId: signer.keyId, receivedAt: clock.now() })).result;
  return { verifier, create, gateway, gateways, clock, memory, bodyOf, deliver };
}

/** The answer of a gateway that is down. */
export const down: Answer = (_request, response) => json(response, 503, {});
