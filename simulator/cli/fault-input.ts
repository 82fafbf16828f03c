import { z } from 'zod';
import { deliveryFaultSchema, faultSchema, routeFaultSchema } from '../faults/schema.js';
import { UsageError } from './errors.js';
import { type Options, TEXT } from './options.js';

/** As much of a JSON schema as is looked at. */
interface JsonSchema {
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  type?: string;
  const?: unknown;
  items?: JsonSchema;
}

const jsonSchemaOf = (schema: z.ZodType) =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as unknown as JsonSchema;

/** Every object that a schema allows. */
function alternatives({ anyOf, oneOf, ...schema }: JsonSchema): JsonSchema[] {
  return schema.properties === undefined ? [...(anyOf ?? []), ...(oneOf ?? [])].flatMap(alternatives) : [schema];
}

const kindsOf = (schema: z.ZodType) =>
  alternatives(jsonSchemaOf(schema)).map(({ properties }) => String(properties?.['kind']?.const));

/** The kinds of faults of routes, and of deliveries. */
export const routeKinds = kindsOf(routeFaultSchema);
export const deliveryKinds = kindsOf(deliveryFaultSchema);

const fields = new Map<string, JsonSchema>(
  alternatives(jsonSchemaOf(faultSchema)).flatMap(({ properties }) => Object.entries(properties ?? {})),
);

/** Fields that the command line has another way to say. */
const saidElsewhere = ['kind', 'installation_id'];
const optionOf = (field: string) => field.replaceAll('_', '-');
const ownFields = [...fields.keys()].filter((field) => !saidElsewhere.includes(field));

/** An option for each field of a fault, so that none can be missing here. */
export const faultOptions: Options = Object.fromEntries(ownFields.map((field) => [optionOf(field), TEXT]));

/**
 * A fault as the control API takes it. Only the form of each value is read here; what is allowed, the simulator says.
 * @throws UsageError when a value has not the form of its field
 */
export function readFault(kind: string, values: Record<string, unknown>): Record<string, unknown> {
  const fault: Record<string, unknown> = { kind };
  if (!routeKinds.includes(kind) && deliveryKinds.includes(kind)) fault['route'] = 'delivery';
  for (const field of ownFields) {
    const text = values[optionOf(field)];
    if (typeof text === 'string') fault[field] = readValue(`--${optionOf(field)}`, text, fields.get(field) ?? {});
  }
  return fault;
}

function readValue(name: string, text: string, schema: JsonSchema): unknown {
  const numeric = [schema, ...(schema.anyOf ?? [])].some(
    ({ type, const: only }) => type === 'number' || type === 'integer' || typeof only === 'number',
  );
  if (numeric) {
    const number = Number(text);
    if (Number.isNaN(number)) throw new UsageError(`${name} must be a number, not "${text}".`);
    return number;
  }
  if (schema.type === 'array') return text.split(',').map((item) => item.trim());
  if (schema.type === 'object') return readPairs(name, text);
  // A field of any type: JSON where it is some, else the text itself.
  return schema.type === undefined ? jsonOrText(text) : text;
}

/** `name=value,name=value`, or a JSON object. */
function readPairs(name: string, text: string): unknown {
  if (text.trimStart().startsWith('{')) {
    const value = jsonOrText(text);
    if (typeof value === 'object') return value;
  }
  const pairs = text.split(',').map((pair) => /^\s*([^=]+)=(.*)$/s.exec(pair));
  if (pairs.every((pair) => pair !== null)) return Object.fromEntries(pairs.map(([, key, value]) => [key, value]));
  throw new UsageError(
    `${name} must be name=value, several with commas between them, or a JSON object; not "${text}".`,
  );
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
