import { createPrivateKey, createPublicKey, KeyObject } from 'node:crypto';

/**
 * Objects that know each other, as JSON: each object once, in a list; wherever one stands in another, its place in the list stands
 * instead. So whatever is added to the state is saved with it, and two names for one object are that again.
 */
export type Graph = Node[];

/** What stands for a value: itself, or the place of an object in the list. */
type Value = string | number | boolean | null | { at: number };
type Node =
  | { kind: 'object'; fields: [string, Value][] }
  | { kind: 'array' | 'set'; items: Value[] }
  | { kind: 'map'; entries: [Value, Value][] }
  | { kind: 'date'; iso: string }
  | { kind: 'bytes'; base64: string }
  | { kind: 'public-key' | 'private-key'; base64: string };

/** @throws Error for what cannot be written down: functions, symbols, numbers that JSON has not, instances of classes */
export function toGraph(root: object): Graph {
  const places = new Map<object, number>();
  const objects: object[] = [];

  function written(value: unknown): Value {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    if (typeof value !== 'object') throw new Error(`A ${typeof value} cannot be in a snapshot.`);
    const known = places.get(value) ?? objects.push(value) - 1;
    places.set(value, known);
    return { at: known };
  }

  function nodeOf(value: object): Node {
    if (Array.isArray(value)) return { kind: 'array', items: value.map(written) };
    if (value instanceof Map)
      return { kind: 'map', entries: [...value].map(([key, item]) => [written(key), written(item)]) };
    if (value instanceof Set) return { kind: 'set', items: [...value].map(written) };
    if (value instanceof Date) return { kind: 'date', iso: value.toISOString() };
    if (Buffer.isBuffer(value)) return { kind: 'bytes', base64: value.toString('base64') };
    if (value instanceof KeyObject) return keyNode(value);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      throw new Error(`An object of class ${value.constructor.name} cannot be in a snapshot.`);
    }
    const present = Object.entries(value).filter(([, item]) => item !== undefined);
    return { kind: 'object', fields: present.map(([name, item]) => [name, written(item)]) };
  }

  written(root);
  const graph: Graph = [];
  // The list grows while it is gone through: what an object holds comes after it.
  for (let place = 0; place < objects.length; place += 1) graph.push(nodeOf(objects[place] as object));
  return graph;
}

function keyNode(key: KeyObject): Node {
  if (key.type === 'secret') throw new Error('A secret key cannot be in a snapshot.');
  const isPrivate = key.type === 'private';
  const der = isPrivate ? key.export({ type: 'pkcs8', format: 'der' }) : key.export({ type: 'spki', format: 'der' });
  return { kind: isPrivate ? 'private-key' : 'public-key', base64: der.toString('base64') };
}

/**
 * The object that was written down.
 * @throws Error when the graph is none that `toGraph` gives
 */
export function fromGraph(graph: Graph): unknown {
  const made = graph.map(shellOf);
  const read = (value: Value): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (!(value.at in made)) throw new Error(`There is no object ${value.at}.`);
    return made[value.at];
  };
  graph.forEach((node, place) => {
    const object = made[place];
    if (node.kind === 'object') for (const [name, value] of node.fields) define(object as object, name, read(value));
    else if (node.kind === 'array') for (const item of node.items) (object as unknown[]).push(read(item));
    else if (node.kind === 'set') for (const item of node.items) (object as Set<unknown>).add(read(item));
    else if (node.kind === 'map') {
      for (const [key, value] of node.entries) (object as Map<unknown, unknown>).set(read(key), read(value));
    }
  });
  return made[0];
}

/** A field like any other, also where its name is `__proto__`. */
function define(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
}

function shellOf(node: Node): unknown {
  switch (node.kind) {
    case 'object':
      return {};
    case 'array':
      return [];
    case 'set':
      return new Set();
    case 'map':
      return new Map();
    case 'date':
      return new Date(node.iso);
    case 'bytes':
      return Buffer.from(node.base64, 'base64');
    case 'public-key':
      return createPublicKey({ key: Buffer.from(node.base64, 'base64'), type: 'spki', format: 'der' });
    case 'private-key':
      return createPrivateKey({ key: Buffer.from(node.base64, 'base64'), type: 'pkcs8', format: 'der' });
    default:
      throw new Error(`There is no kind of object ${JSON.stringify((node as { kind: unknown }).kind)}.`);
  }
}
