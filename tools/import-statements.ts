/** One `import` or `export … from`, or a dynamic `import('…')`. */
export type ImportStatement = {
  readonly specifier: string;
  /** Erased before it runs: `import type`, braces in which each name says `type`, or `import('…').Noun` in a type. */
  readonly typeOnly: boolean;
  readonly line: number;
};

const staticImport = /^[ \t]*(?:import|export)\s+(type\s+)?(?:([^'"`;]*?)\s+from\s+)?(['"])([^'"\n]+)\3/gm;
const dynamicImport = /\bimport\(\s*(['"])([^'"\n]+)\1\s*\)(\.[A-Z])?/g;

/**
 * Finds the imports of a module by its text.
 *
 * Bun's own scanner drops type imports, which the room rules must see, and a compiler API would make the check slow:
 * our code has one import a statement, at the start of a line, because Biome formats it so.
 */
export function parseImports(text: string): ImportStatement[] {
  const found: ImportStatement[] = [];
  for (const match of text.matchAll(staticImport)) {
    const [, typeWord, clause, , specifier = ''] = match;
    found.push({
      specifier,
      typeOnly: typeWord !== undefined || isTypeClause(clause),
      line: lineAt(text, match.index),
    });
  }
  for (const match of text.matchAll(dynamicImport)) {
    found.push({ specifier: match[2] ?? '', typeOnly: match[3] !== undefined, line: lineAt(text, match.index) });
  }
  return found;
}

function isTypeClause(clause: string | undefined): boolean {
  const names = /^\{([^}]*)\}$/.exec(clause?.trim() ?? '')?.[1];
  if (names === undefined) return false;
  return names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .every((name) => name.startsWith('type '));
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}
