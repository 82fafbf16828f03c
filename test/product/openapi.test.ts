import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createProduct } from '../../product/http/adapter.js';
import { PRODUCT_PORT_VERSION } from '../../product/port.js';
import { type RuleName, runSuite } from '../../product/suite/run.js';
import { answerOf, createSchemaCheck, type Operation, readOpenApiDocument, resolve } from './openapi-document.js';
import { type PythonProduct, SIGNING_SECRET, startPythonProduct } from './python-product.js';
import { type Exchange, type RecordingProxy, startRecordingProxy } from './recording-proxy.js';

const REFUSED_ACCOUNT = 'unwelcome';
/** Together they make every call, and get every kind of answer. */
const RULES: RuleName[] = [
  ...(['update-takes-effect', 'suspend-keeps-everything', 'reinstall-keeps-ids', 'older-generation-refused'] as const),
  ...(['refusal-carries-reason', 'pending-then-done', 'pending-then-undone', 'seats-are-the-limit'] as const),
  ...(['preview-agrees', 'any-character', 'logout-of-anyone'] as const),
];
/** The methods of the port that are calls, by their paths. */
const CALLS = {
  '/v1/provision': 'provision',
  '/v1/update': 'update',
  '/v1/suspend': 'suspend',
  '/v1/resume': 'resume',
  '/v1/deprovision': 'deprovision',
  '/v1/sync-users': 'syncUsers',
  '/v1/preview-users': 'previewUsers',
  '/v1/lookup': 'lookup',
  '/v1/logout': 'logout',
};

const document = readOpenApiDocument();
const check = createSchemaCheck(document);

describe('the OpenAPI document of the product port', () => {
  it('has the version of the port and its calls', () => {
    assert.equal(document.openapi, '3.1.0');
    assert.equal(document.info.version, String(PRODUCT_PORT_VERSION));
    const ids = Object.entries(document.paths).map(([path, { post }]) => [path, post.operationId]);
    assert.deepEqual(Object.fromEntries(ids), CALLS);
  });

  it('refers to nothing that is not there, and holds nothing that is not referred to', () => {
    const references = new Set(JSON.stringify(document).match(/#\/components\/[^"]+/g));
    for (const reference of references) resolve(document, reference);
    const { schemas, responses, parameters } = document.components;
    const held = Object.entries({ schemas, responses, parameters }).flatMap(([kind, parts]) =>
      Object.keys(parts).map((name) => `#/components/${kind}/${name}`),
    );
    assert.deepEqual(
      held.filter((part) => !references.has(part)),
      [],
    );
  });

  it('describes every property that it requires', () => {
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      const { required = [], properties = {} } = schema as { required?: string[]; properties?: object };
      assert.deepEqual(
        required.filter((property) => !Object.hasOwn(properties, property)),
        [],
        name,
      );
    }
  });

  it('has schemas that tell right from wrong', () => {
    for (const schema of Object.values(document.components.schemas)) check(schema, {});
    const lookup = { $ref: '#/components/schemas/LookupCall' };
    assert.deepEqual(check(lookup, { call: 'lookup', appId: 'a', accountId: 'b', more: 1 }), []);
    assert.notDeepEqual(check(lookup, { call: 'lookup', appId: 'a' }), []);
    assert.notDeepEqual(check(lookup, { call: 'update', appId: 'a', accountId: 'b' }), []);
    assert.notDeepEqual(check({ $ref: '#/components/schemas/Reason' }, { reason: ' ' }), []);
  });
});

describe('what goes between the adapter and a product', () => {
  const running: PythonProduct[] = [];
  const proxies: RecordingProxy[] = [];
  let exchanges: Exchange[];

  const openThroughProxy = async (args: string[]) => {
    const python = await startPythonProduct(args);
    running.push(python);
    const proxy = await startRecordingProxy(python.url);
    proxies.push(proxy);
    return async () =>
      createProduct({
        settings: { url: proxy.url, signingSecret: SIGNING_SECRET },
        now: () => new Date(),
        insecureHosts: [new URL(proxy.url).host],
      });
  };

  before(async () => {
    const open = await openThroughProxy(['--refused-account', REFUSED_ACCOUNT]);
    const openPending = await openThroughProxy(['--pending-ms', '100']);
    const part = { refusedAccountName: REFUSED_ACCOUNT, whileHanging: null, whileFailing: null };
    const results = await runSuite({ open, openPending, ...part }, { only: RULES });
    assert.deepEqual(
      results.filter(({ status }) => status !== 'passed'),
      [],
    );
    exchanges = proxies.flatMap((proxy) => proxy.exchanges);
  });
  after(async () => {
    for (const proxy of proxies) await proxy.close();
    for (const python of running) await python.stop();
  });

  /** The operation of an exchange: by its path, or as the one whose answer named the status address. */
  function operationOf({ method, path }: Exchange): Operation {
    const named =
      method === 'GET' ? exchanges.find(({ answerHeaders }) => answerHeaders.location === path)?.path : path;
    const operation = document.paths[named ?? '']?.post;
    assert.ok(operation, `the document knows no ${method} ${path}`);
    return operation;
  }

  it('is as the document says', () => {
    for (const exchange of exchanges) {
      const { method, path, status, headers, body, answerBody } = exchange;
      const operation = operationOf(exchange);
      const answer = answerOf(document, operation, status);
      assert.ok(answer, `${path} is not documented to answer ${status}`);
      const { schema } = answer.content['application/json'];
      assert.deepEqual(check(schema, JSON.parse(answerBody)), [], `${status} of ${path}: ${answerBody}`);
      for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) assert.ok(headers[name], name);
      if (method === 'GET') continue;
      const request = operation.requestBody.content['application/json'].schema;
      assert.deepEqual(check(request, JSON.parse(body)), [], `${path}: ${body}`);
      const keyed = (operation.parameters ?? []).length > 0;
      const keySchema = keyed ? document.components.parameters['IdempotencyKey']?.schema : undefined;
      assert.equal(headers['idempotency-key'] !== undefined, keyed, path);
      if (keySchema !== undefined) assert.deepEqual(check(keySchema, headers['idempotency-key']), []);
    }
  });

  it('was every call and every kind of answer', () => {
    const seen = new Set(exchanges.map((exchange) => `${operationOf(exchange).operationId} ${exchange.status}`));
    const expected = Object.values(CALLS).map((name) => `${name} 200`);
    expected.push('lookup 404', 'provision 202', 'provision 409', 'provision 422', 'syncUsers 409', 'previewUsers 409');
    assert.deepEqual(
      expected.filter((each) => !seen.has(each)),
      [],
    );
    assert.ok(exchanges.some(({ method, status }) => method === 'GET' && status === 200));
    assert.ok(exchanges.some(({ method, status }) => method === 'GET' && status === 409));
  });
});
