import { readFileSync } from 'node:fs';

const PAGE = new URL('../../../docs/lifecycle.md', import.meta.url);

/** A table of docs/lifecycle.md: the cells of its rows, header first, without backticks where `plain`. Throws when it is not there. */
export function tableOf(heading: string): string[][] {
  const section = readFileSync(PAGE, 'utf8')
    .split(/^## /m)
    .find((part) => part.startsWith(`${heading}\n`));
  const lines = section?.split('\n').filter((line) => line.startsWith('|')) ?? [];
  if (lines.length < 3) throw new Error(`docs/lifecycle.md has no table under "${heading}".`);
  const rows = lines.map((line) =>
    line
      .slice(1, line.lastIndexOf('|'))
      .split('|')
      .map((cell) => cell.trim()),
  );
  return [...rows.slice(0, 1), ...rows.slice(2)];
}

/** When and where an event ends a process, as a cell says it. */
export interface EndingRule {
  when: 'never' | 'a later second' | 'later' | 'same second or later';
  anyInstallation: boolean;
  onceEnded: boolean;
}

/** Reads one cell of "What ends an open process early". Throws for words it does not know, so that nothing is read loosely. */
export function readEnding(cell: string): EndingRule {
  if (cell === 'no') return { when: 'never', anyInstallation: false, onceEnded: false };
  const parts = cell.split(', ');
  const rule: EndingRule = { when: 'never', anyInstallation: false, onceEnded: false };
  let places = 0;
  for (const part of parts) {
    if (part === 'a later second' || part === 'later' || part === 'same second or later') {
      if (rule.when !== 'never') throw new Error(`Two times in one cell: ${cell}`);
      rule.when = part;
    } else if (part === 'any installation of the tenant' || part === 'same installation') {
      places += 1;
      rule.anyInstallation = part === 'any installation of the tenant';
    } else if (part === 'once it has ended') rule.onceEnded = true;
    else throw new Error(`Words that no rule has: "${part}" in "${cell}"`);
  }
  if (rule.when === 'never' || places !== 1) throw new Error(`A cell says when and where: ${cell}`);
  return rule;
}
