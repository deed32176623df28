import { expect, test } from 'bun:test';
import { parseFlags } from '@gantry/base';
import { createCommand } from '../commands/network/create.ts';
import { isIpAddress, isMacAddress, parseExtraHost } from './addresses.ts';
import { splitCsv } from './csv.ts';
import { parseGpus, parseUlimit } from './devices.ts';
import { parseMount } from './mounts.ts';
import { networkCreateRequest } from './network-create.ts';
import { checkUnsigned, parseBytes, parseGoDuration, parseNanoCpus } from './numbers.ts';
import { parseMoment } from './timestamps.ts';

const same = (path: string): string => path;

test('numbers are read as Go reads them', () => {
  expect([parseNanoCpus('1.5'), parseNanoCpus('.25'), parseNanoCpus('1/2'), parseNanoCpus('-1')]).toEqual([
    1.5e9, 25e7, 5e8, -1e9,
  ]);
  expect([
    parseGoDuration('1h2m3.5s'),
    parseGoDuration('100ms'),
    parseGoDuration('-2us'),
    parseGoDuration('0'),
  ]).toEqual([3_723_500_000_000, 1e8, -2000, 0]);
  expect(parseBytes('1.5g')).toBe(1_610_612_736);
});

test.each([
  [() => parseNanoCpus('a'), 'failed to parse a as a rational number'],
  [() => parseNanoCpus('1.1234567891'), 'value is too precise'],
  [() => parseGoDuration('x'), 'time: invalid duration "x"'],
  [() => parseGoDuration('10'), 'time: missing unit in duration "10"'],
  [() => parseGoDuration('1x'), 'time: unknown unit "x" in duration "1x"'],
  [() => parseBytes('1x'), "invalid suffix: 'x'"],
  [() => parseBytes('x'), "invalid size: 'x'"],
  [() => checkUnsigned(16)('70000'), 'strconv.ParseUint: parsing "70000": value out of range'],
  [() => parseUlimit('x'), 'invalid ulimit argument: x'],
  [() => parseUlimit('foo=1'), 'invalid ulimit type: foo'],
  [() => parseUlimit('nofile=10:5'), 'ulimit soft limit must be less than or equal to hard limit: 10 > 5'],
  [() => parseGpus('x=y'), "unexpected key 'x' in 'x=y'"],
  [() => parseGpus('count=a'), 'invalid count (a)'],
  [() => parseExtraHost('foo'), 'bad format for add-host: "foo"'],
  [() => parseExtraHost('a:x'), 'invalid IP address in add-host: "x"'],
  [() => parseMount('x', same), "invalid field 'x' must be a key=value pair"],
  [() => parseMount('type=tmpfs,bind-propagation=shared', same), "cannot mix 'bind-*' options with mount type 'tmpfs'"],
  [() => parseMount('type=bind,bind-recursive=writable', same), "option 'bind-recursive=writable' requires 'readonly'"],
  [() => parseMoment('nonsense', 0), 'failed to parse value as time or duration: "nonsense"'],
  [() => parseMoment('1d2', 0), 'failed to parse value as time or duration: "1d2"'],
  [() => parseMoment('1h1d', 0), 'failed to parse value as time or duration: "1h1d"'],
  [() => parseMoment('', 0), 'failed to parse value as time or duration: ""'],
])("%p is refused in Docker's words", (read, message) => {
  expect(read).toThrow(message);
});

test('a moment is a span before now, seconds, or a date', () => {
  expect(parseMoment('10s', 60_000)).toBe(50_000_000_000n);
  expect(parseMoment('30d', 86_400_000 * 31)).toBe(86_400_000_000_000n);
  expect(parseMoment('1d12h', 86_400_000 * 2)).toBe(43_200_000_000_000n);
  expect(parseMoment('1.000000007', 0)).toBe(1_000_000_007n);
  expect(parseMoment('2026-11-20T23:24:29.5Z', 0)).toBe(1_795_217_069_500_000_000n);
});

test('addresses of both families are told from other text', () => {
  const addresses = ['10.0.0.1', '::', '2001:db8::1', '::ffff:1.2.3.4', '1:2:3:4:5:6:7:8'];
  const others = ['10.0.0', '256.1.1.1', '1:2:3', ':::', 'x', '', '1::2::3'];
  expect(addresses.filter(isIpAddress)).toEqual(addresses);
  expect(others.filter(isIpAddress)).toEqual([]);
  expect(['02:42:ac:11:00:02', '0242.ac11.0002', '02:42'].map(isMacAddress)).toEqual([true, true, false]);
});

test('commas inside quotes do not split', () => {
  expect(splitCsv('a,"b,c","d""e",')).toEqual(['a', 'b,c', 'd"e', '']);
});

test('ranges, gateways and reserved addresses go to the subnet that holds them', () => {
  const create = (line: string): unknown => {
    const flags = parseFlags(line.split(' '), createCommand.flags);
    return networkCreateRequest(flags, 'net').ipam?.pools;
  };
  expect(
    create('--subnet 10.1.0.0/16 --subnet fd00::/64 --gateway fd00::1 --ip-range 10.1.2.0/24 --aux-address r=10.1.0.9'),
  ).toEqual([
    { subnet: '10.1.0.0/16', ipRange: '10.1.2.0/24', gateway: '', auxAddresses: { r: '10.1.0.9' } },
    { subnet: 'fd00::/64', ipRange: '', gateway: 'fd00::1', auxAddresses: {} },
  ]);
  expect(() => create('--gateway 10.0.0.1')).toThrow('every ip-range or gateway must have a corresponding subnet');
  expect(() => create('--subnet 10.0.0.0/8 --subnet 10.1.0.0/16')).toThrow(
    'multiple overlapping subnet configuration is not supported',
  );
  expect(() => create('--subnet 10.1.0.0/16 --gateway 10.2.0.1')).toThrow('no matching subnet for gateway 10.2.0.1');
});
