import type { Command, CommandGroup, CommandRow, Flag } from './command.ts';
import type { CommandTable } from './command-table.ts';

/** Width that help is wrapped to when nobody tells a terminal's, as Docker's. */
const defaultColumns = 80;

export type LoadedCommand = { readonly row: CommandRow; readonly command: Command };

/** The page of `gantry COMMAND --help`. */
export function commandHelp({ row, command }: LoadedCommand, calledAs: string, columns = defaultColumns): string {
  const program = calledAs.split(' ')[0];
  const visible = command.flags.filter((flag) => flag.hidden !== true);
  const sections = [`Usage:  ${calledAs} ${command.usage}`.trimEnd(), command.long ?? row.short];
  if (row.names.length > 1) {
    sections.push(`Aliases:\n  ${row.names.map((alias) => `${program} ${alias}`).join(', ')}`);
  }
  if (visible.length > 0) sections.push(`Options:\n${flagLines(visible, columns)}`);
  return `${sections.join('\n\n')}\n`;
}

/** The page of a group, `gantry container --help`. */
export function groupHelp(program: string, group: CommandGroup, table: CommandTable): string {
  const rows = table.commands.flatMap((command) => memberRow(group, command));
  return [
    `Usage:  ${program} ${group.name} COMMAND`,
    group.short,
    `Commands:\n${commandLines(rows)}`,
    `Run '${program} ${group.name} COMMAND --help' for more information on a command.\n`,
  ].join('\n\n');
}

/** The page of `gantry --help`. */
export function rootHelp(program: string, table: CommandTable, columns = defaultColumns): string {
  const top = table.commands.flatMap((command) => topRow(command));
  const isCommon = (row: Row): boolean => commonCommands.includes(row.name);
  const common = commonCommands.flatMap((name) => top.filter((row) => row.name === name));
  const groups = table.groups.map((group) => ({ name: group.name, short: group.short }));
  return [
    `Usage:  ${program} [OPTIONS] COMMAND`,
    table.short,
    `Common Commands:\n${commandLines(common)}`,
    `Management Commands:\n${commandLines(groups)}`,
    `Commands:\n${commandLines(top.filter((row) => !isCommon(row)).sort(byName))}`,
    `Global Options:\n${flagLines(table.globalFlags, columns)}`,
    `Run '${program} COMMAND --help' for more information on a command.\n`,
  ].join('\n\n');
}

const commonCommands = ['run', 'exec', 'ps', 'pull', 'images', 'version', 'info'];

type Row = { readonly name: string; readonly short: string };

function topRow(command: CommandRow): Row[] {
  const name = command.names.find((candidate) => !candidate.includes(' '));
  return name === undefined || command.hidden ? [] : [{ name, short: command.short }];
}

function memberRow(group: CommandGroup, command: CommandRow): Row[] {
  const name = command.names.find((candidate) => candidate.startsWith(`${group.name} `));
  return name === undefined || command.hidden
    ? []
    : [{ name: name.slice(group.name.length + 1), short: command.short }];
}

function byName(left: Row, right: Row): number {
  return left.name < right.name ? -1 : 1;
}

function commandLines(rows: readonly Row[]): string {
  // Cobra pads names to eleven columns at least, whatever is listed.
  const width = Math.max(11, ...rows.map((row) => row.name.length));
  return rows.map((row) => `  ${row.name.padEnd(width)} ${row.short}`).join('\n');
}

/** Flags in order of name, aligned and wrapped as pflag's usage is. */
export function flagLines(flags: readonly Flag[], columns: number): string {
  const rows = [...flags].sort((left, right) => (left.name < right.name ? -1 : 1)).map((flag) => flagRow(flag));
  const width = Math.max(...rows.map((row) => row.left.length)) + 3;
  return rows
    .map((row) => row.left.padEnd(width) + wrap(row.right, { indent: width, columns: columns - 1 }))
    .join('\n');
}

function flagRow(flag: Flag): { left: string; right: string } {
  const short = flag.short === undefined || flag.short === '' ? '    ' : `-${flag.short}, `;
  const type = flag.kind === 'bool' ? '' : ` ${flag.type ?? 'string'}`;
  const fallback = flag.default === undefined ? '' : ` (default ${flag.default})`;
  return { left: `  ${short}--${flag.name}${type}`, right: `${flag.usage}${fallback}` };
}

type WrapOptions = { readonly indent: number; readonly columns: number };

/** How far a last line may run over before it is broken, so that no lone short word is left. */
const overrun = 5;

function wrap(text: string, { indent, columns }: WrapOptions): string {
  const margin = `\n${' '.repeat(indent)}`;
  const limit = columns - indent - overrun;
  if (limit + overrun < 24) return text.replaceAll('\n', margin);
  const lines: string[] = [];
  let rest = text;
  for (let cut = breakAt(rest, limit); cut !== undefined; cut = breakAt(rest, limit)) {
    lines.push(rest.slice(0, cut));
    rest = rest.slice(cut + 1);
  }
  if (rest !== '') lines.push(rest);
  return lines.join('\n').replaceAll('\n', margin);
}

/** Where pflag breaks a text: at its own line break if one comes first, else at the last blank that fits. */
function breakAt(text: string, limit: number): number | undefined {
  if (text.length < limit + overrun) return undefined;
  const window = text.slice(0, limit);
  const newline = window.lastIndexOf('\n');
  const blank = Math.max(window.lastIndexOf(' '), window.lastIndexOf('\t'), newline);
  if (blank <= 0) return undefined;
  return newline > 0 && newline < blank ? newline : blank;
}
