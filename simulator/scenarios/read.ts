import { type Document, isMap, isScalar, LineCounter, parseDocument, visit, type YAMLError } from 'yaml';
import { mistakesIn, sentenceOf } from '../sentences.js';
import { type Scenario, scenarioSchema } from './schema.js';

/** A scenario file with mistakes: one line for each, with where it is, what is wrong and what is allowed. */
export class ScenarioMistakes extends Error {
  override readonly name = 'ScenarioMistakes';
}

/**
 * Reads a scenario from YAML; JSON is YAML too.
 * @param file the name to put before line and column
 * @throws ScenarioMistakes with all that is wrong
 */
export function readScenario(text: string, file: string): Scenario {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const mistake = (offset: number, message: string) => {
    const { line, col } = lines.linePos(offset);
    return { offset, text: `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}: ${message}` };
  };
  const refuse = (mistakes: { offset: number; text: string }[]): never => {
    mistakes.sort((one, other) => one.offset - other.offset);
    throw new ScenarioMistakes(mistakes.map((each) => each.text).join('\n'));
  };
  const unread = [
    ...[...document.errors, ...document.warnings].map((error) => mistake(error.pos[0], wordsOf(error))),
    ...unknownAliases(document).map(({ offset, name }) =>
      mistake(offset, `unknown alias "*${name}"; an anchor "&${name}" must stand before it`),
    ),
  ];
  if (unread.length > 0) refuse(unread);
  let content: unknown;
  try {
    content = document.toJS();
  } catch (error) {
    // Aliases that unfold into too much.
    refuse([mistake(0, `no YAML: ${(error as Error).message}`)]);
  }
  const parsed = scenarioSchema.safeParse(content, { error: sentenceOf });
  if (parsed.success) return parsed.data;
  return refuse(
    parsed.error.issues
      .flatMap((issue) => mistakesIn(issue))
      .map(({ path, key, message }) => mistake(offsetOf(document, path, key), `${nameOf(path)}${message}`)),
  );
}

function wordsOf({ code, message }: YAMLError): string {
  if (code === 'MULTIPLE_DOCS') return 'a scenario file is one document; leave out this one and what follows';
  if (code === 'TAG_RESOLVE_FAILED') return `${message.replace('Unresolved tag:', 'unknown tag')}; leave it out`;
  return `no YAML: ${message}`;
}

function unknownAliases(document: Document): { offset: number; name: string }[] {
  const unknown: { offset: number; name: string }[] = [];
  visit(document, {
    Alias(_key, alias) {
      if (alias.resolve(document) === undefined) unknown.push({ offset: alias.range?.[0] ?? 0, name: alias.source });
    },
  });
  return unknown;
}

/** Where the value at a path stands, or the nearest one around it where it is missing. */
function offsetOf(document: Document, path: readonly PropertyKey[], key: string | undefined): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const part = path.slice(0, length);
    const node = part.length === 0 ? document.contents : document.getIn(part, true);
    if (isMap(node) && key !== undefined) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
      if (isScalar(pair?.key) && pair.key.range) return pair.key.range[0];
    }
    const range = (node as { range?: [number, number, number] } | null | undefined)?.range;
    if (range) return range[0];
  }
  return 0;
}

function nameOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '';
  const name = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return `${name.replace(/^\./, '')}: `;
}
