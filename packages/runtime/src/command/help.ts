import type { CommandRow, RuntimeFlag } from './command-row.ts';

const valueNames: Readonly<Record<RuntimeFlag['kind'], string>> = {
  bool: '',
  string: ' value',
  list: ' value',
  int: ' number',
};

/** What `gantry runtime COMMAND --help` prints. */
export function commandHelp({ usage, about, flags }: CommandRow): string {
  const options = optionRows(flags);
  return `Usage: gantry runtime ${usage}\n\n${about}\n${options === '' ? '' : `\nOptions:\n${options}`}`;
}

/** What `gantry runtime --help` prints. */
export function runtimeHelp(commands: Readonly<Record<string, CommandRow>>, flags: readonly RuntimeFlag[]): string {
  const shown = Object.entries(commands).filter(([, { isInternal }]) => isInternal !== true);
  const rows = columns(shown.map(([name, { about }]) => [name, about] as const));
  return `Usage: gantry runtime [OPTIONS] COMMAND\n\nRuns OCI bundles.\n\nCommands:\n${rows}\nOptions:\n${optionRows(flags)}`;
}

function optionRows(flags: readonly RuntimeFlag[]): string {
  return columns(
    flags.flatMap(({ name, short, kind, about }) =>
      about === undefined ? [] : [[`${short ? `-${short}, ` : ''}--${name}${valueNames[kind]}`, about] as const],
    ),
  );
}

function columns(rows: readonly (readonly [left: string, right: string])[]): string {
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join('');
}
