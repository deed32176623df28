/**
 * Aligns cells that end in tabs, as Go's text/tabwriter does with Docker's settings: columns at least ten wide, three
 * blanks between, the last cell of a line unpadded.
 *
 * A column is a run of neighbouring lines that have a cell there, so a short line starts a new alignment.
 */
export function alignTabs(text: string, options: { minWidth?: number; padding?: number } = {}): string {
  const { minWidth = 10, padding = 3 } = options;
  const lines = text.split('\n').map((line) => line.split('\t'));
  const widths = lines.map((cells) => new Array<number>(cells.length).fill(0));
  const deepest = Math.max(...lines.map((cells) => cells.length));
  for (let column = 0; column < deepest - 1; column++) {
    for (let start = 0; start < lines.length; start++) {
      if (!hasCell(lines[start], column)) continue;
      let end = start;
      let width = minWidth;
      for (; hasCell(lines[end], column); end++)
        width = Math.max(width, displayWidth(lines[end]?.[column] ?? '') + padding);
      for (let line = start; line < end; line++) setWidth(widths[line], column, width);
      start = end;
    }
  }
  return lines
    .map((cells, line) => cells.map((cell, column) => padCell(cell, widths[line]?.[column] ?? 0)).join(''))
    .join('\n');
}

/** A cell belongs to a column when a tab ends it; what follows the last tab of a line does not. */
function hasCell(cells: readonly string[] | undefined, column: number): boolean {
  return cells !== undefined && column < cells.length - 1;
}

function setWidth(widths: number[] | undefined, column: number, width: number): void {
  if (widths !== undefined) widths[column] = width;
}

function padCell(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - displayWidth(cell)));
}

/** Columns of a terminal that a text takes; East Asian wide letters take two. */
export function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const letter of text) width += isWide(letter.codePointAt(0) ?? 0) ? 2 : 1;
  return width;
}

function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}

/** Cuts a text to a width, with `…` as its last column when something was cut. */
export function ellipsis(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const letter of text) {
    used += displayWidth(letter);
    if (used > width - 1) break;
    kept += letter;
  }
  return `${kept}…`;
}
