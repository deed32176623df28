import type { Measured } from './measure.ts';
import type { Row } from './row.ts';

export type Result = {
  readonly row: Omit<Row, 'run'>;
  readonly measured: readonly Measured[];
  readonly failure: string | undefined;
};

/** Prints results as a table in Markdown: ours, its budget, and how many times better or worse each peer is. */
export function formatTable(results: readonly Result[]): string {
  const lines = ['| what | ours | budget | | beside it |', '|---|---|---|---|---|'];
  for (const { row, measured, failure } of results) {
    const [own, ...others] = measured;
    if (own === undefined) {
      lines.push(`| ${row.name} | – | ${formatValue(row.budget)} ${row.unit} | not measured | ${failure ?? ''} |`);
      continue;
    }
    const held = row.better === 'lower' ? own.value <= row.budget : own.value >= row.budget;
    const beside = others.map(
      (other) => `${other.name} ${formatValue(other.value)} ${row.unit} (×${formatValue(ratio(row, own, other))})`,
    );
    lines.push(
      `| ${row.name} | ${formatValue(own.value)} ${row.unit} | ${row.better === 'lower' ? '≤' : '≥'} ${formatValue(row.budget)} | ${held ? 'held' : 'MISSED'} | ${beside.join(' · ')} |`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** How many times better ours is; below one, the other is better. */
function ratio(row: Omit<Row, 'run'>, own: Measured, other: Measured): number {
  return row.better === 'lower' ? other.value / own.value : own.value / other.value;
}

function formatValue(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
