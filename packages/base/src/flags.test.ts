import { describe, expect, test } from 'bun:test';
import { type FlagSpec, flagBool, flagInt, flagList, flagText, parseFlags } from './flags.ts';

const specs: readonly FlagSpec[] = [
  { name: 'interactive', short: 'i', kind: 'bool' },
  { name: 'tty', short: 't', kind: 'bool' },
  { name: 'publish', short: 'p', kind: 'list' },
  { name: 'name', kind: 'string' },
  { name: 'cpus', short: 'c', kind: 'int' },
  { name: 'pull', kind: 'string', bareValue: 'always' },
];

const given = (words: string): Record<string, readonly string[]> =>
  Object.fromEntries(parseFlags(words.split(' '), specs).values);

describe('the flag grammar is pflag’s', () => {
  test.each([
    ['--name=web', { name: ['web'] }],
    ['--name web', { name: ['web'] }],
    ['--name=', { name: [''] }],
    ['-it', { interactive: ['true'], tty: ['true'] }],
    ['-itp80:80', { interactive: ['true'], tty: ['true'], publish: ['80:80'] }],
    ['-p 80:80 -p=81:81', { publish: ['80:80', '81:81'] }],
    ['--tty=false', { tty: ['false'] }],
    ['--pull', { pull: ['always'] }],
    ['--pull=never', { pull: ['never'] }],
    ['-c 0x10', { cpus: ['0x10'] }],
  ])('%s', (words, values) => {
    expect(given(words)).toEqual(values);
  });

  test.each([
    ['--nope', 'unknown flag: --nope'],
    ['--nope=1', 'unknown flag: --nope'],
    ['-xyz', "unknown shorthand flag: 'x' in -xyz"],
    ['-ix', "unknown shorthand flag: 'x' in -x"],
    ['--name', 'flag needs an argument: --name'],
    ['-p', "flag needs an argument: 'p' in -p"],
    ['--=x', 'bad flag syntax: --=x'],
    ['---x', 'bad flag syntax: ---x'],
    [
      '--tty=maybe',
      'invalid argument "maybe" for "-t, --tty" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    ['-c x', 'invalid argument "x" for "-c, --cpus" flag: strconv.ParseInt: parsing "x": invalid syntax'],
  ])('%s is refused', (words, message) => {
    expect(() => given(words)).toThrow(message);
  });

  test('without interspersing the first word ends the flags', () => {
    const parsed = parseFlags(['-i', 'busybox', 'ls', '-l', '--name', 'x'], specs, { interspersed: false });
    expect(parsed.rest).toEqual(['busybox', 'ls', '-l', '--name', 'x']);
    expect(flagBool(parsed, 'interactive')).toBe(true);
    expect(flagText(parsed, 'name')).toBeUndefined();
  });

  test('flags after words belong to the command, `--` ends them, a dash is a word', () => {
    const parsed = parseFlags(['a', '-p', '1', '-', '--', '-t'], specs);
    expect(parsed.rest).toEqual(['a', '-', '-t']);
    expect(parsed.dashAt).toBe(2);
    expect(flagList(parsed, 'publish')).toEqual(['1']);
    expect(flagInt(parsed, 'cpus')).toBeUndefined();
  });
});
