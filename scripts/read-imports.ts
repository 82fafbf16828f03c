import type { Program } from 'oxc-parser';
import { parseSync, Visitor } from 'oxc-parser';

/** One import of one file, however it is written. `specifier` is null when it is computed. */
export interface Import {
  specifier: string | null;
  typeOnly: boolean;
  names: string[];
  line: number;
}

/** What one file asks for from outside itself. */
export interface FileUse {
  imports: Import[];
  environmentLines: number[];
}

/**
 * Reads imports and uses of the environment out of one file's syntax tree.
 * @param file its name, which tells the language
 * @param source its text
 * @throws Error that names the file when it does not parse
 */
export function readUse(file: string, source: string): FileUse {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) {
    throw new Error(`${file} does not parse: ${errors[0]?.message ?? 'no reason given'}`);
  }
  const use: FileUse = { imports: [], environmentLines: [] };
  collect(program, use, (offset) => source.slice(0, offset).split('\n').length);
  return use;
}

function collect(program: Program, use: FileUse, lineAt: (offset: number) => number): void {
  const add = (source: { type: string; value?: unknown }, start: number, typeOnly: boolean, names: string[]): void => {
    const specifier = source.type === 'Literal' && typeof source.value === 'string' ? source.value : null;
    use.imports.push({ specifier, typeOnly, names, line: lineAt(start) });
  };
  new Visitor({
    ImportDeclaration(node) {
      const names = node.specifiers.flatMap((one) => {
        if (one.type !== 'ImportSpecifier') {
          return ['*'];
        }
        return one.importKind === 'type' ? [] : [one.imported.type === 'Identifier' ? one.imported.name : '*'];
      });
      add(node.source, node.start, node.importKind === 'type', names);
    },
    ExportNamedDeclaration(node) {
      if (node.source !== null) {
        add(node.source, node.start, node.exportKind === 'type', ['*']);
      }
    },
    ExportAllDeclaration(node) {
      add(node.source, node.start, node.exportKind === 'type', ['*']);
    },
    ImportExpression(node) {
      add(node.source, node.start, false, ['*']);
    },
    TSImportType(node) {
      add(node.source, node.start, true, []);
    },
    TSImportEqualsDeclaration(node) {
      if (node.moduleReference.type === 'TSExternalModuleReference') {
        add(node.moduleReference.expression, node.start, node.importKind === 'type', ['*']);
      }
    },
    CallExpression(node) {
      const [first] = node.arguments;
      if (node.callee.type === 'Identifier' && node.callee.name === 'require' && first !== undefined) {
        add(first, node.start, false, ['*']);
      }
    },
    MemberExpression(node) {
      const name = node.computed
        ? node.property.type === 'Literal' && node.property.value
        : node.property.type === 'Identifier' && node.property.name;
      if (name === 'env' && isGlobalProcess(node.object)) {
        use.environmentLines.push(lineAt(node.start));
      }
    },
    VariableDeclarator(node) {
      if (node.init !== null && isGlobalProcess(node.init) && node.id.type === 'ObjectPattern') {
        const taken = node.id.properties.some(
          (one) => one.type === 'Property' && one.key.type === 'Identifier' && one.key.name === 'env',
        );
        if (taken) {
          use.environmentLines.push(lineAt(node.start));
        }
      }
    },
  }).visit(program);
}

/** True for `process` and `globalThis.process`. */
function isGlobalProcess(node: { type: string }): boolean {
  if (node.type === 'Identifier') {
    return 'name' in node && node.name === 'process';
  }
  if (node.type !== 'MemberExpression' || !('object' in node) || !('property' in node)) {
    return false;
  }
  const object = node.object as { type: string; name?: string };
  const property = node.property as { type: string; name?: string };
  return object.type === 'Identifier' && object.name === 'globalThis' && property.name === 'process';
}
