import type { CommandGroup, CommandRow, Flag } from './command.ts';

/** Everything that `gantry` understands: help, completion and the parser read it. */
export type CommandTable = {
  readonly short: string;
  readonly groups: readonly CommandGroup[];
  readonly commands: readonly CommandRow[];
  readonly globalFlags: readonly Flag[];
};

/** The spellings of a command at the depth it was called by; help shows the first of them. */
function shownName(row: CommandRow, calledAs: string): string {
  const depth = calledAs.split(' ').length;
  return row.names.find((name) => name.split(' ').length === depth) ?? row.names[0];
}

/** What words name: a command, a group of commands, or nothing known. */
export type Found =
  | { readonly kind: 'command'; readonly row: CommandRow; readonly name: string; readonly rest: readonly string[] }
  | { readonly kind: 'group'; readonly group: CommandGroup; readonly rest: readonly string[] }
  | { readonly kind: 'unknown'; readonly word: string };

export function findCommand(table: CommandTable, words: readonly string[]): Found {
  const [first = '', second] = words;
  const group = table.groups.find((candidate) => candidate.name === first);
  if (group !== undefined) {
    const name = `${first} ${second}`;
    const member = table.commands.find((row) => row.names.includes(name));
    if (member === undefined) return { kind: 'group', group, rest: words.slice(1) };
    return { kind: 'command', row: member, name: shownName(member, name), rest: words.slice(2) };
  }
  const row = table.commands.find((candidate) => candidate.names.includes(first));
  if (row === undefined) return { kind: 'unknown', word: first };
  return { kind: 'command', row, name: shownName(row, first), rest: words.slice(1) };
}
