import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Surroundings } from '../../support/stack.js';
import type { Mend } from './tampering.js';

type Scalar = string | number | boolean | null;
type Value = Scalar | { at: number };
/** An object of the simulator's snapshot: it stands in a list, and the others name it by its place there. */
type Node = { kind: string; fields?: [string, Value][]; items?: Value[] };

interface Snapshot {
  sha256: string;
  state: Node[];
}

/** Something that Talkdesk's stand-in knows. */
export interface Known {
  set(field: string, value: Scalar): void;
  /** The object that stands in a field. */
  part(field: string): Known;
  /** Puts it a second time into every list in which it stands. */
  repeat(): void;
}

/** Gives the first thing that the stand-in knows whose fields have these values. */
export type Find = (fields: Record<string, Scalar>) => Known;

/** Changes what Talkdesk's stand-in has done and seen, which it would not do itself. */
export async function rewriteTalkdesk({ simulator }: Surroundings, change: (find: Find) => void): Promise<Mend> {
  const url = `${simulator.url}/_control/snapshot`;
  const load = async (body: string) => {
    const answer = await fetch(url, { method: 'PUT', headers: { 'content-type': 'application/json' }, body });
    assert.equal(answer.status, 200, 'the snapshot is loaded');
  };
  const kept = await (await fetch(url)).text();
  const snapshot = JSON.parse(kept) as Snapshot;
  change(finderIn(snapshot.state));
  snapshot.sha256 = createHash('sha256').update(JSON.stringify(snapshot.state)).digest('hex');
  await load(JSON.stringify(snapshot));
  return () => load(kept);
}

function finderIn(nodes: Node[]): Find {
  const known = (place: number): Known => {
    const field = (name: string): [string, Value] => {
      const found = nodes[place]?.fields?.find(([its]) => its === name);
      assert.ok(found, `there is no field ${name}`);
      return found;
    };
    return {
      set(name, value) {
        field(name)[1] = value;
      },
      part(name) {
        const [, value] = field(name);
        assert.ok(typeof value === 'object' && value !== null, `${name} is no object`);
        return known(value.at);
      },
      repeat() {
        for (const { items } of nodes)
          if (items?.some((item) => typeof item === 'object' && item?.at === place)) items.push({ at: place });
      },
    };
  };
  return (fields) => {
    const wanted = Object.entries(fields);
    const place = nodes.findIndex(({ fields: its }) =>
      wanted.every(([name, value]) => its?.some(([other, has]) => other === name && has === value)),
    );
    assert.notEqual(place, -1, `nothing has ${JSON.stringify(fields)}`);
    return known(place);
  };
}
