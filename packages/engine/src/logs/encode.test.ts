import { expect, test } from 'bun:test';
import { encodeFluentd } from './encode-fluentd.ts';
import { encodeGelf, packGelf } from './encode-gelf.ts';
import { encodeJournald } from './encode-journald.ts';
import { encodeSyslog } from './encode-syslog.ts';
import { createEntryParser } from './entries.ts';
import { packMessage, readAcks } from './message-pack.ts';
import { formatTag } from './tag.ts';
import type { LogEntry, LogOrigin } from './types.ts';

const origin: LogOrigin = {
  id: '9f2d07ed5e64f827f12f41b68c33ed87ebcf4fab611e201e42e5d5c950a50fbf',
  name: 'lt',
  imageId: `sha256:${'ab'.repeat(32)}`,
  imageName: 'busybox',
  command: 'sh -c x',
  createdAt: new Date('2026-11-26T02:39:24.981Z'),
  hostname: 'vm',
  pid: 29855,
  tag: '9f2d07ed5e64',
  attributes: { 'com.x': 'lv', EV: 'ev' },
};
const entry: LogEntry = { text: 'out', stream: 'stdout', time: '2026-11-26T02:39:27.387059012Z', piece: undefined };
const error: LogEntry = { ...entry, text: 'err', stream: 'stderr' };

test.each([
  ['rfc3164', entry, /^<30>Nov 26 \d\d:39:27 vm 9f2d07ed5e64\[29855\]: out\n$/],
  ['unix', error, /^<27>Nov 26 \d\d:39:27 9f2d07ed5e64\[29855\]: err\n$/],
  ['rfc5424', entry, /^<30>1 2026-11-26T02:39:27Z vm 9f2d07ed5e64 29855 9f2d07ed5e64 - out\n$/],
  ['rfc5424micro', error, /^<27>1 2026-11-26T02:39:27\.387059Z vm 9f2d07ed5e64 29855 9f2d07ed5e64 - err\n$/],
] as const)('syslog in the format %s is as Docker sends it', (format, line, wanted) => {
  expect(
    Buffer.from(encodeSyslog(line, origin, { facility: 3, format, countsOctets: false }) ?? '').toString(),
  ).toMatch(wanted);
});

test('a message over TLS is preceded by its length in RFC 5424, and only there', () => {
  const encode = (format: 'rfc5424' | 'rfc3164'): string =>
    Buffer.from(encodeSyslog(entry, origin, { facility: 3, format, countsOctets: true }) ?? '').toString();
  const [, length, message = ''] = /^(\d+) ([\s\S]*)$/.exec(encode('rfc5424')) ?? [];
  expect(Number(length)).toBe(message.length);
  expect(encode('rfc3164')).toStartWith('<30>');
});

test('an empty line is a message of fluentd only', () => {
  const empty = { ...entry, text: '' };
  expect(encodeSyslog(empty, origin, { facility: 3, format: 'unix', countsOctets: false })).toBeUndefined();
  expect(encodeGelf(empty, origin)).toBeUndefined();
  expect(encodeFluentd(empty, origin, { subSecond: false, chunk: undefined }).length).toBeGreaterThan(0);
});

test('gelf says what Docker says of a container', () => {
  expect(JSON.parse(encodeGelf(error, origin) ?? '')).toEqual({
    version: '1.1',
    host: 'vm',
    short_message: 'err',
    timestamp: 1795660767.387,
    level: 3,
    _EV: 'ev',
    '_com.x': 'lv',
    _command: 'sh -c x',
    _container_id: origin.id,
    _container_name: 'lt',
    _created: '2026-11-26T02:39:24.981Z',
    _image_id: origin.imageId,
    _image_name: 'busybox',
    _tag: '9f2d07ed5e64',
  });
});

test('a message of more than 128 chunks is none', () => {
  const pack = (length: number) =>
    packGelf('x'.repeat(length), { compression: 'none', level: 1 }, new Uint8Array(8)).length;
  expect([pack(1420), pack(1421), pack(1408 * 128), pack(1408 * 128 + 1)]).toEqual([1, 2, 128, 0]);
});

test('fluentd’s message has the bytes that Docker’s has', () => {
  const bytes = encodeFluentd(entry, { ...origin, attributes: {} }, { subSecond: false, chunk: undefined });
  expect(Buffer.from(bytes).toString('latin1')).toBe(
    `\x94\xac9f2d07ed5e64\xd2k\x07\x9b\xdf\x84\xaccontainer_id\xd9@${origin.id}\xaecontainer_name\xa3/lt\xa6source\xa6stdout\xa3log\xa3out\x80`,
  );
  const precise = Buffer.from(encodeFluentd(entry, origin, { subSecond: true, chunk: 'abc' })).toString('latin1');
  expect(precise.slice(14, 24)).toBe(
    `\xd7\x00k\x07\x9b\xdf${Buffer.from([0x17, 0x12, 0x0d, 0x44]).toString('latin1')}`,
  );
  expect(precise.endsWith('\x81\xa5chunk\xa3abc')).toBe(true);
});

test('lengths are packed in as few bytes as they need', () => {
  const head = (value: string | string[]): string => Buffer.from(packMessage(value)).subarray(0, 5).toString('hex');
  expect(['x'.repeat(31), 'x'.repeat(32), 'x'.repeat(256), 'x'.repeat(65536)].map(head)).toEqual([
    'bf78787878',
    'd920787878',
    'da01007878',
    'db00010000',
  ]);
  expect(head(Array.from({ length: 16 }, () => 'a'))).toBe('dc0010a161');
});

test('acks are read from any piece of a stream, and what is none is told', () => {
  const ack = (text: string): Buffer => Buffer.concat([Buffer.from('\x81\xa3ack', 'latin1'), packMessage(text)]);
  const stream = Buffer.concat([ack('one'), ack('t'.repeat(40))]);
  expect(readAcks(stream)).toEqual({ acks: ['one', 't'.repeat(40)], length: stream.length, isOther: false });
  for (let cut = 0; cut < 9; cut++)
    expect(readAcks(stream.subarray(0, cut))).toMatchObject({ acks: [], isOther: false });
  expect(readAcks(Buffer.from('HTTP/1.1 200 OK'))).toMatchObject({ acks: [], isOther: true });
});

test('the journal gets fields it knows, values of several lines with their length', () => {
  const strange = { ...origin, attributes: { 'com.x': 'two\nlines', '0': 'nameless' } };
  const text = Buffer.from(encodeJournald(error, strange) ?? '').toString('latin1');
  expect(text).toStartWith('COM_X\n\x09\0\0\0\0\0\0\0two\nlines\nMESSAGE=err\nPRIORITY=3\n');
  expect(text).toContain('\nCONTAINER_ID=9f2d07ed5e64\n');
  expect(text).not.toContain('nameless');
});

test('pieces of a long line share an ID and are counted, on each stream by itself', () => {
  const parser = createEntryParser((bytes) => new Uint8Array(bytes));
  const line = (log: string, stream = 'stdout'): string => `${JSON.stringify({ log, stream, time: entry.time })}\n`;
  const first = parser.parse(Buffer.from(`${line('a')}${line('e\n', 'stderr')}torn\n${line('b')}`));
  const second = parser.parse(Buffer.from(line('c\n') + line('d\n')));
  expect([...first, ...second].map(({ text, piece }) => [text, piece?.ordinal, piece?.isLast])).toEqual([
    ['a', 1, false],
    ['e', undefined, undefined],
    ['b', 2, false],
    ['c', 3, true],
    ['d', undefined, undefined],
  ]);
});

test.each([
  ['{{.ID}}', '9f2d07ed5e64'],
  ['{{ .ImageName }}/{{.Name}}/{{.FullID}}', `busybox/lt/${origin.id}`],
  ['{{.ImageID}} {{.DaemonName}}', 'abababababab docker'],
  ['{{(.ExtraAttributes nil).EV}}-{{ (.ExtraAttributes nil).NO }}', 'ev-<no value>'],
  ['plain', 'plain'],
])('the tag %s is %s', (template, wanted) => {
  expect(formatTag(template, origin)).toBe(wanted);
});
