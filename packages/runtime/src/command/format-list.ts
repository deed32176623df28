import { EngineError } from '@gantry/base';
import type { ListedContainer } from './lifecycle.ts';

/** Prints containers as `list` does. @param format `table`, `json`, or `quiet` for IDs alone @throws invalid */
export function formatList(containers: readonly ListedContainer[], format: string): string {
  if (format === 'quiet') return containers.map(({ id }) => `${id}\n`).join('');
  if (format === 'json') return `${JSON.stringify(containers)}\n`;
  if (format !== 'table') throw new EngineError('invalid', `cannot list as "${format}": only table and json are known`);
  const rows = [
    ['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER'],
    ...containers.map(({ id, pid = 0, status, bundle, created, owner }) => [
      id,
      String(pid),
      status,
      bundle,
      created,
      owner,
    ]),
  ];
  // As Go's tabwriter prints runc's: twelve columns at least, three blanks between.
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(12, ...rows.map((row) => (row[column]?.length ?? 0) + 3)));
  const format1 = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('');
  return rows.map((row) => `${format1(row).trimEnd()}\n`).join('');
}
