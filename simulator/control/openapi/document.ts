import { z } from 'zod';
import { refusalAnswer } from './answers.js';
import type { Description, Descriptions } from './description.js';
import { eventRoutes } from './event-routes.js';
import { glossary } from './glossary.js';
import { steeringRoutes } from './steering-routes.js';
import { worldRoutes } from './world-routes.js';

/** A route as Express knows it: its path has `:name` for what changes. */
export interface ServedRoute {
  method: string;
  path: string;
}

const described: Descriptions = { ...worldRoutes, ...eventRoutes, ...steeringRoutes };

/**
 * The OpenAPI 3.1 document of these routes, made from the schemas that they read their input with.
 * @param routes every route that the router serves
 * @throws Error that names routes that are served and not described here, or the other way round
 */
export function openapiDocument(routes: readonly ServedRoute[], baseUrl: string): object {
  const served = new Set(routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`));
  const unlike = [
    ...[...served].filter((name) => described[name] === undefined).map((name) => `${name} is not described`),
    ...Object.keys(described)
      .filter((name) => !served.has(name))
      .map((name) => `${name} is described and not served`),
  ];
  if (unlike.length > 0) throw new Error(`The OpenAPI document is not that of the control API: ${unlike.join('; ')}.`);
  const paths: Record<string, Record<string, object>> = {};
  for (const [name, description] of Object.entries(described)) {
    const [method = '', path = ''] = name.split(' ');
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation(method, path, description) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Control API of the simulated Talkdesk',
      version: '1',
      description:
        'Steers and shows a stand-in Talkdesk. It answers callers on the same machine only, and no page of another site. Times are in ISO 8601; input with a field that is not known is refused.',
    },
    servers: [{ url: `${baseUrl}/_control` }],
    paths,
    components: {
      responses: {
        Refusal: {
          description: 'Refused, with one sentence that names what is wrong and says what is allowed',
          content: { 'application/json': { schema: jsonSchema(refusalAnswer, 'output') } },
        },
      },
    },
  };
}

function operation(method: string, path: string, description: Description): object {
  const { summary, details, query, body, textTypes = [], status, answer } = description;
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = query === undefined ? [] : queryParameters(query);
  const content = body === undefined ? {} : { 'application/json': { schema: jsonSchema(body, 'input') } };
  const texts = Object.fromEntries(textTypes.map((type) => [type, { schema: { type: 'string' } }]));
  const said =
    body === undefined && textTypes.length === 0 ? {} : { requestBody: { content: { ...content, ...texts } } };
  return {
    operationId: operationId(method, path),
    summary,
    ...(details === undefined ? {} : { description: details }),
    ...(inPath.length + inQuery.length === 0 ? {} : { parameters: [...inPath, ...inQuery] }),
    ...said,
    responses: {
      [status]: { description: 'Done', content: { 'application/json': { schema: jsonSchema(answer, 'output') } } },
      default: { $ref: '#/components/responses/Refusal' },
    },
  };
}

/** `POST /installations/{installation_id}/trial/start`: post_installations_trial_start. */
function operationId(method: string, path: string): string {
  const words = path.split('/').filter((word) => word !== '');
  // Of a path that ends with an id, the id is what tells it from the list.
  const named = words.map((word) => (word.startsWith('{') ? 'one' : word.replace(/\W/g, '_')));
  return [method.toLowerCase(), ...named].join('_');
}

function queryParameters(query: z.ZodObject): object[] {
  const { properties = {}, required = [] } = jsonSchema(query, 'input') as {
    properties?: Record<string, object>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

/** A schema as JSON Schema, with what its fields mean and without what the zod library only adds for itself. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema, ...own } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override({ jsonSchema: made }) {
      if (made.format === 'date-time' || made.format === 'base64') delete made.pattern;
      if (made.minimum === Number.MIN_SAFE_INTEGER) delete made.minimum;
      if (made.maximum === Number.MAX_SAFE_INTEGER) delete made.maximum;
      for (const [name, property] of Object.entries(made.properties ?? {})) {
        const meaning = glossary[name];
        if (meaning !== undefined && typeof property === 'object') property.description ??= meaning;
      }
    },
  });
  return own;
}
