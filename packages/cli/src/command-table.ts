import type { Command, CommandGroup, Flag } from './command.ts';

/** Everything that `gantry` understands: help, completion and the parser read it. */
export type CommandTable = {
  readonly short: string;
  readonly groups: readonly CommandGroup[];
  readonly commands: readonly Command[];
  readonly globalFlags: readonly Flag[];
};

/** The spellings of a command at the depth it was called by; help shows the first of them. */
export function shownName(command: Command, calledAs: string): string {
  const depth = calledAs.split(' ').length;
  return command.names.find((name) => name.split(' ').length === depth) ?? command.names[0];
}

/** What words name: a command, a group of commands, or nothing known. */
export type Found =
  | { readonly kind: 'command'; readonly command: Command; readonly name: string; readonly rest: readonly string[] }
  | { readonly kind: 'group'; readonly group: CommandGroup; readonly rest: readonly string[] }
  | { readonly kind: 'unknown'; readonly word: string };

export function findCommand(table: CommandTable, words: readonly string[]): Found {
  const [first = '', second] = words;
  const group = table.groups.find((candidate) => candidate.name === first);
  if (group !== undefined) {
    const name = `${first} ${second}`;
    const member = table.commands.find((command) => command.names.includes(name));
    if (member === undefined) return { kind: 'group', group, rest: words.slice(1) };
    return { kind: 'command', command: member, name: shownName(member, name), rest: words.slice(2) };
  }
  const command = table.commands.find((candidate) => candidate.names.includes(first));
  if (command === undefined) return { kind: 'unknown', word: first };
  return { kind: 'command', command, name: shownName(command, first), rest: words.slice(1) };
}
