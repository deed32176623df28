import { daemonOptions } from './options.ts';

const typeWords = { bool: '', string: 'string', list: 'list', int: 'int' } as const;

/** The help text, printed from the table of options. */
export function formatHelp(): string {
  const rows = daemonOptions
    .filter((row) => row.use.kind !== 'refused')
    .map((row) => {
      const short = row.short === undefined ? '    ' : `-${row.short}, `;
      return { left: `  ${short}--${row.name} ${typeWords[row.kind]}`.trimEnd(), right: row.help };
    });
  const width = Math.max(...rows.map(({ left }) => left.length)) + 3;
  const lines = rows.map(({ left, right }) => `${left.padEnd(width)}${right}`);
  return `Usage:  gantry daemon [OPTIONS]\n\nServe the engine.\n\nOptions:\n${lines.join('\n')}\n`;
}
