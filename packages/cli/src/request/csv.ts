/**
 * Splits one line of comma-separated values, with `"` around a value that holds commas and `""` for a quote in it.
 *
 * @throws Error in the words of Go's encoding/csv
 */
export function splitCsv(line: string): string[] {
  const fields: string[] = [];
  let rest = line;
  while (true) {
    if (!rest.startsWith('"')) {
      const comma = rest.indexOf(',');
      const field = comma < 0 ? rest : rest.slice(0, comma);
      const quote = field.indexOf('"');
      if (quote >= 0) {
        const column = line.length - rest.length + quote + 1;
        throw new Error(`parse error on line 1, column ${column}: bare " in non-quoted-field`);
      }
      fields.push(field);
      if (comma < 0) return fields;
      rest = rest.slice(comma + 1);
      continue;
    }
    const quoted = /^"((?:[^"]|"")*)"(,|$)/.exec(rest);
    if (quoted === null) throw new Error('parse error on line 1: extraneous or missing " in quoted-field');
    fields.push((quoted[1] ?? '').replaceAll('""', '"'));
    rest = rest.slice(quoted[0].length);
    if (quoted[2] === '') return fields;
  }
}

/** Splits `key=value` at the first `=`; undefined as the value when there is none. */
export function cutPair(text: string, separator = '='): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** `key=value` texts as a map; a key without value has the empty one, the last of a key wins. */
export function pairsToRecord(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(pairs.map((pair) => cutPair(pair)).map(([key, value]) => [key, value ?? '']));
}
