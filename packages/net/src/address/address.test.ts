import { expect, test } from 'bun:test';
import { cidrContains, cidrsOverlap, formatCidr, lastAddress, parseCidr, subnetOf } from './cidr.ts';
import { formatIp, ipFromBytes, ipToBytes, isLoopback, parseIp } from './ip.ts';
import { chooseSubnet, isAssignable, nextFreeAddress, type PoolSource } from './ipam.ts';
import { formatMac, macOfIp, parseMac } from './mac.ts';

const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));

test('every address survives text and bytes', () => {
  for (let round = 0; round < 500; round++) {
    const bytes = random(round % 2 === 0 ? 4 : 16);
    // Runs of zeros are where IPv6 text is difficult.
    if (round % 3 === 0) bytes.fill(0, round % bytes.length, (round % bytes.length) + (round % 9));
    const ip = ipFromBytes(bytes)!;
    expect(parseIp(formatIp(ip))).toEqual(ip);
    expect(ipToBytes(ip)).toEqual(bytes);
  }
});

test('IPv6 is written as RFC 5952 says', () => {
  const shown = {
    '2001:DB8:0:0:8:800:200C:417A': '2001:db8::8:800:200c:417a',
    '::': '::',
    '::1': '::1',
    '1::': '1::',
    '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
    '2001:0:0:1:0:0:0:1': '2001:0:0:1::1',
    '::ffff:192.0.2.1': '::ffff:c000:201',
  };
  for (const [text, canonical] of Object.entries(shown)) expect(formatIp(parseIp(text)!)).toBe(canonical);
});

test('what is no address is refused, octal-looking IPv4 too', () => {
  const odd = ['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.-4', ' 1.2.3.4', ':', ':::', '1::2::3'];
  const odd6 = ['1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', 'fe80::1%eth0', '12345::', '::1.2.3', '1.2.3.4::', 'g::'];
  for (const text of [...odd, ...odd6]) expect([text, parseIp(text)]).toEqual([text, undefined]);
});

test('a subnet knows its bounds', () => {
  const cidr = parseCidr('192.168.7.9/20')!;
  expect(formatCidr(subnetOf(cidr))).toBe('192.168.0.0/20');
  expect(formatIp(lastAddress(cidr))).toBe('192.168.15.255');
  expect(cidrContains(cidr, parseIp('192.168.16.0')!)).toBe(false);
  expect(cidrsOverlap(parseCidr('10.0.0.0/8')!, parseCidr('10.1.2.0/24')!)).toBe(true);
  expect(cidrsOverlap(parseCidr('10.0.0.0/9')!, parseCidr('10.128.0.0/9')!)).toBe(false);
  expect(cidrsOverlap(parseCidr('0.0.0.0/0')!, parseCidr('::/0')!)).toBe(false);
  expect(['10.0.0.0', '10.0.0.0/33', '::/129', '/8'].map(parseCidr)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect([isLoopback(parseIp('127.9.9.9')!), isLoopback(parseIp('::1')!), isLoopback(parseIp('::2')!)]).toEqual([
    true,
    true,
    false,
  ]);
});

test('the lowest free address is given, never the network, broadcast or a reserved one', () => {
  const pool = {
    subnet: parseCidr('10.0.0.0/29')!,
    range: undefined,
    reserved: [parseIp('10.0.0.1')!, parseIp('10.0.0.3')!],
  };
  const taken = new Set<bigint>();
  const given: string[] = [];
  for (let ip = nextFreeAddress(pool, (v) => taken.has(v)); ip; ip = nextFreeAddress(pool, (v) => taken.has(v))) {
    taken.add(ip.value);
    given.push(formatIp(ip));
    expect(isAssignable(pool, ip)).toBe(true);
  }
  expect(given).toEqual(['10.0.0.2', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
  const range = parseCidr('10.0.0.4/31')!;
  expect(formatIp(nextFreeAddress({ ...pool, range }, () => false)!)).toBe('10.0.0.4');
  const pair = { subnet: parseCidr('10.0.0.0/31')!, range: undefined, reserved: [] };
  expect(formatIp(nextFreeAddress(pair, () => false)!)).toBe('10.0.0.0');
});

test('a subnet is chosen past everything in use, however big the source', () => {
  const sources: PoolSource[] = [
    { base: parseCidr('10.0.0.0/14')!, prefix: 16 },
    { base: parseCidr('fd00::/8')!, prefix: 64 },
  ];
  const used = (...texts: string[]) => texts.map((text) => parseCidr(text)!);
  const chosen = (...texts: string[]): string => formatCidr(chooseSubnet(sources, used(...texts))!);
  expect(chosen()).toBe('10.0.0.0/16');
  expect(chosen('10.0.3.0/24', '10.1.0.0/16')).toBe('10.2.0.0/16');
  expect(chosen('10.0.0.0/8')).toBe('fd00::/64');
  expect(chosen('10.0.0.0/8', 'fd00::/9')).toBe('fd80::/64');
  expect(chooseSubnet(sources, used('10.0.0.0/8', 'fd00::/8'))).toBeUndefined();
});

test('a MAC address is read with colons or dashes, made of an IP, and never multicast', () => {
  expect(formatMac(parseMac('02-42-AC-11-00-02')!)).toBe('02:42:ac:11:00:02');
  expect(formatMac(macOfIp(parseIp('172.17.0.2')!))).toBe('02:42:ac:11:00:02');
  expect([parseMac('01:00:5e:00:00:01'), parseMac('02:42:ac:11:00'), parseMac('x')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
