import { expect, test } from 'bun:test';
import { formatIp, ipFromBytes, ipToBytes, parseIp } from '../address/ip.ts';
import { answersQuery, formatDnsResponse, parseDnsQuery, recordType, responseCode, withDnsId } from './message.ts';
import { formatReverseName, parseReverseName } from './reverse-name.ts';

const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.trim().split(/\s+/), (byte) => Number.parseInt(byte, 16));
// ID 0x1234, recursion desired, one question: WEB.net1, type A, class IN; one OPT record offering 1232 bytes.
const query = hex(`12 34 01 00 00 01 00 00 00 00 00 01
  03 57 45 42 04 6e 65 74 31 00 00 01 00 01
  00 00 29 04 d0 00 00 00 00 00 00`);

test('a query is read: name in lower case, type, and how much the client takes', () => {
  const parsed = parseDnsQuery(query)!;
  expect({ ...parsed, question: parsed.question.length }).toEqual({
    id: 0x1234,
    name: 'web.net1',
    type: recordType.a,
    class: 1,
    recursionDesired: true,
    question: 14,
    udpSize: 1232,
  });
});

test('an answer echoes the question as it came and points back at its name', () => {
  const answers = [{ type: 'address', address: Uint8Array.of(10, 0, 0, 2) }] as const;
  const response = formatDnsResponse(parseDnsQuery(query)!, { code: responseCode.ok, answers, ttlSeconds: 600 }, 512);
  expect(response).toEqual(
    hex(`12 34 81 80 00 01 00 01 00 00 00 00
    03 57 45 42 04 6e 65 74 31 00 00 01 00 01
    c0 0c 00 01 00 01 00 00 02 58 00 04 0a 00 00 02`),
  );
});

test('what does not fit is left out, and the client told', () => {
  const answers = Array.from({ length: 100 }, () => ({ type: 'address' as const, address: new Uint8Array(4) }));
  const response = formatDnsResponse(parseDnsQuery(query)!, { code: 0, answers, ttlSeconds: 1 }, 512);
  expect(response.length).toBeLessThanOrEqual(512);
  expect([(response[2]! & 2) !== 0, response[7]]).toEqual([true, 30]);
});

test('odd messages are no queries', () => {
  const change = (at: number, ...bytes: number[]): Uint8Array => {
    const copy = query.slice();
    copy.set(bytes, at);
    return copy;
  };
  const odd = {
    'a response': change(2, 0x81),
    'another opcode': change(2, 0x29),
    'two questions': change(4, 0, 2),
    'no question': change(4, 0, 0),
    'a compressed name': change(12, 0xc0, 0x0c),
    'a label that is too long': change(12, 64),
    'a name past the end': query.slice(0, 20),
    'a name without end': Uint8Array.of(
      ...query.slice(0, 12),
      ...Array.from({ length: 300 }, (_, i) => (i % 2 ? 0x61 : 1)),
    ),
    nothing: new Uint8Array(0),
  };
  for (const [what, bytes] of Object.entries(odd)) expect([what, parseDnsQuery(bytes)]).toEqual([what, undefined]);
});

test('no bytes make the parser fail, or answer past what it was given', () => {
  for (let round = 0; round < 3000; round++) {
    const bytes = round % 2 ? crypto.getRandomValues(new Uint8Array(round % 80)) : query.slice(0, 12 + (round % 29));
    if (round % 2 === 0)
      for (let flips = round % 5; flips > 0; flips--) bytes[(round * 7 * flips) % bytes.length] = round & 255;
    const parsed = parseDnsQuery(bytes);
    if (parsed !== undefined) expect(parsed.question.length + 12).toBeLessThanOrEqual(bytes.length);
  }
});

test('bytes that are no text stay apart from those that look like them', () => {
  const name = (label: number[]): string =>
    parseDnsQuery(Uint8Array.of(...query.slice(0, 12), label.length, ...label, 0, 0, 1, 0, 1))!.name;
  expect(name([0x61, 0x2e, 0x62])).toBe('a\\046b');
  expect(name([0xff, 0x5c, 0x00])).toBe('\\255\\092\\000');
});

test('only a response with our ID and our question is an answer', () => {
  const asked = { id: 0x1234, query: parseDnsQuery(query)! };
  const response = formatDnsResponse(asked.query, { code: 0, answers: [], ttlSeconds: 1 }, 512);
  expect(answersQuery(response, asked)).toBe(true);
  expect(answersQuery(withDnsId(response, 1), asked)).toBe(false);
  expect(answersQuery(query, asked)).toBe(false);
  const other = response.slice();
  other[13] = 0x58;
  expect(answersQuery(other, asked)).toBe(false);
  expect(answersQuery(response.slice(0, 20), asked)).toBe(false);
});

test('every address survives its reverse name', () => {
  for (let round = 0; round < 200; round++) {
    const ip = ipFromBytes(crypto.getRandomValues(new Uint8Array(round % 2 ? 4 : 16)))!;
    expect(parseReverseName(formatReverseName(ip))).toEqual(ip);
  }
  expect(formatReverseName(parseIp('172.17.0.2')!)).toBe('2.0.17.172.in-addr.arpa');
  expect(['1.2.3.in-addr.arpa', 'x.ip6.arpa', '300.1.1.1.in-addr.arpa'].map(parseReverseName)).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(formatIp(ipFromBytes(ipToBytes(parseIp('::1')!))!)).toBe('::1');
});
