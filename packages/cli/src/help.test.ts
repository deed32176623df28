import { expect, test } from 'bun:test';
import { findCommand } from './command-table.ts';
import { completeWords } from './completion.ts';
import { expectGolden } from './golden-fixture.ts';
import { commandHelp, groupHelp, rootHelp } from './help.ts';
import { commandTable } from './table.ts';

test('the pages of help stand as they were read', async () => {
  const pages = [rootHelp('gantry', commandTable)];
  pages.push(...commandTable.groups.map((group) => groupHelp('gantry', group, commandTable)));
  for (const row of commandTable.commands) {
    const command = await row.load();
    pages.push(...row.names.map((name) => commandHelp({ row, command }, `gantry ${name}`)).slice(0, 1));
  }
  expectGolden('help', pages.join('\n────────\n'));
});

test('no two commands share a spelling, and no two flags of a command a name or a letter', async () => {
  const names = commandTable.commands.flatMap((row) => row.names);
  expect(new Set(names).size).toBe(names.length);
  for (const row of commandTable.commands) {
    const { flags } = await row.load();
    const spellings = flags.flatMap(({ name, short }) => (short ? [`--${name}`, `-${short}`] : [`--${name}`]));
    expect([row.names[0], new Set(spellings).size]).toEqual([row.names[0], spellings.length]);
  }
});

test('a command is found by each of its spellings, and help shows the first of that depth', () => {
  const found = (words: string): string => {
    const result = findCommand(commandTable, words.split(' '));
    return result.kind === 'command' ? result.name : result.kind;
  };
  expect(['ps', 'container ps', 'container list', 'container', 'nope', 'container nope'].map(found)).toEqual([
    'ps',
    'container ls',
    'container ls',
    'group',
    'unknown',
    'group',
  ]);
});

test('completion knows commands, flags, values of flags and what names may follow', async () => {
  const complete = async (line: string): Promise<string> => {
    const { candidates, names } = await completeWords(commandTable, line.split(' '));
    return `${candidates.map(({ word }) => word).join(' ')}|${names}`;
  };
  expect(await complete('vol')).toBe('volume|none');
  expect(await complete('network c')).toBe('connect create|none');
  expect(await complete('run --pull ')).toBe('always missing never|none');
  expect(await complete('run --cpus')).toBe('--cpus --cpuset-cpus --cpuset-mems|none');
  expect(await complete('-H unix:///x stop ')).toBe('|container');
  expect(await complete('run --env-file ')).toBe('|file');
});
