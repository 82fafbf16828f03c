import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

/** The parts of an OpenAPI document that ours consists of. */
export interface OpenApiDocument {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, { post: Operation }>;
  components: {
    schemas: Record<string, object>;
    responses: Record<string, Answer>;
    parameters: Record<string, { name: string; schema: object }>;
  };
}

export interface Operation {
  operationId: string;
  summary: string;
  parameters?: Reference[];
  requestBody: { required: boolean; content: Content };
  responses: Record<string, Answer | Reference>;
}

export interface Answer {
  description: string;
  content: Content;
}

interface Content {
  'application/json': { schema: object };
}

interface Reference {
  $ref: string;
}

/** The document that partners implement. */
export function readOpenApiDocument(): OpenApiDocument {
  return parse(readFileSync(new URL('../../product/http/openapi.yaml', import.meta.url), 'utf8'));
}

/** What a reference of the document points at. Throws when there is nothing. */
export function resolve(document: OpenApiDocument, reference: string): unknown {
  let found: unknown = document;
  for (const part of reference.replace(/^#\//, '').split('/')) {
    found = (found as Record<string, unknown> | undefined)?.[part];
  }
  if (found === undefined) throw new Error(`${reference} points at nothing`);
  return found;
}

/** The answer that an operation gives with a status, or null when the document does not list it. */
export function answerOf(document: OpenApiDocument, operation: Operation, status: number): Answer | null {
  const answer = operation.responses[String(status)];
  if (answer === undefined) return null;
  return '$ref' in answer ? (resolve(document, answer.$ref) as Answer) : answer;
}

/** Makes what checks values by a schema of the document; gives what is wrong as lines. */
export function createSchemaCheck(document: OpenApiDocument) {
  const made = new Map<string, z.ZodType>();
  const inDefs = (schema: object): object =>
    JSON.parse(JSON.stringify(schema).replaceAll('#/components/schemas/', '#/$defs/'));
  const $defs = inDefs(document.components.schemas);
  return (schema: object, value: unknown): string[] => {
    const text = JSON.stringify(schema);
    const type =
      made.get(text) ?? z.fromJSONSchema({ $defs, ...inDefs(schema) } as Parameters<typeof z.fromJSONSchema>[0]);
    made.set(text, type);
    const { error } = type.safeParse(value);
    return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
  };
}
