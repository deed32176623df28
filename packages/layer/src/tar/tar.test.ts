import { expect, test } from 'bun:test';
import { bytesOfText, textOfBytes } from '../byte-string.ts';
import type { TarEntry } from './entry.ts';
import { parseNumber } from './header.ts';
import { parsePax, parsePaxTime } from './pax.ts';
import { TarReader } from './reader.ts';
import { SparseMapReader } from './sparse.ts';
import { concatenate, endOfArchive, formatFile, formatHeader, plainEntry } from './writer.ts';

type Read = { readonly entry: TarEntry; readonly text: string };

function read(tar: Uint8Array, chunkBytes: number): Read[] {
  const found: { entry: TarEntry; text: string }[] = [];
  const reader = new TarReader({
    begin: (entry) => void found.push({ entry, text: '' }),
    data: (bytes) => {
      const last = found.at(-1);
      if (last !== undefined) last.text += Buffer.from(bytes).toString('latin1');
    },
    end: () => undefined,
  });
  for (let at = 0; at < tar.length; at += chunkBytes) reader.push(tar.subarray(at, at + chunkBytes));
  reader.finish();
  return found;
}

const entries = [
  plainEntry({ kind: 'directory', path: 'd/', mode: 0o1777, modified: { seconds: -5, nanoseconds: 250_000_000 } }),
  plainEntry({ kind: 'symlink', path: 'l', linkPath: 'x'.repeat(300) }),
  plainEntry({ kind: 'hardlink', path: 'h', linkPath: bytesOfText('größe') }),
  plainEntry({ kind: 'character', path: 'c', major: 1, minor: 3 }),
  plainEntry({ kind: 'fifo', path: 'p', uid: 3_000_000_000, gid: 4_000_000_000 }),
  plainEntry({
    kind: 'block',
    path: `${'deep/'.repeat(60)}b`,
    xattrs: new Map([['user.x', Uint8Array.from([0, 10, 255])]]),
  }),
];
const file = plainEntry({
  kind: 'file',
  path: bytesOfText('ファイル'),
  mode: 0o4755,
  modified: { seconds: 1e10, nanoseconds: 1 },
  accessed: { seconds: 7, nanoseconds: 0 },
});

test('what the writer writes the reader reads, in chunks of any size', () => {
  const data = Buffer.from('x'.repeat(1000));
  const tar = concatenate([...entries.map(formatHeader), formatFile(file, data), endOfArchive]);
  for (const chunkBytes of [1, 511, 512, 513, tar.length]) {
    const found = read(tar, chunkBytes);
    expect(found.map(({ entry }) => entry)).toEqual([...entries, { ...file, sizeBytes: 1000 }]);
    expect(found.at(-1)?.text).toBe(data.toString());
  }
  expect(textOfBytes(file.path)).toBe('ファイル');
});

test('GNU numbers that octal has no room for are read', () => {
  const number = (...bytes: number[]): number => parseNumber(Uint8Array.from(bytes), 0, bytes.length);
  expect(number(0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0)).toBe(65_536);
  expect(number(...Array.from({ length: 12 }, () => 0xff))).toBe(-1);
  expect(number(0x20, 0x37, 0x37, 0)).toBe(63);
  expect(() => number(0xbf, ...Array.from({ length: 11 }, () => 0xff))).toThrow('too large');
  expect(() => number(0x39)).toThrow('not octal');
});

test('extended records that lie about their length are refused', () => {
  const pax = (text: string) => parsePax(Buffer.from(text));
  expect(pax('8 a=b=c\n').values).toEqual(new Map([['a', 'b=c']]));
  for (const text of [
    '9 a=b=c\n',
    '7 a=b=c\n',
    'a=b\n',
    '-1 a=b\n',
    '99999999999 a=b\n',
    '5 a=\0\n',
    '0 \n',
    '6 =ab\n',
    '12 path=a\0bc\n',
  ]) {
    expect(() => pax(text)).toThrow('an extended header');
  }
});

test('times of a pax header keep their nanoseconds, before 1970 too', () => {
  expect([parsePaxTime('1.5'), parsePaxTime('-1.5'), parsePaxTime('-2'), parsePaxTime('3.1234567899')]).toEqual([
    { seconds: 1, nanoseconds: 500_000_000 },
    { seconds: -2, nanoseconds: 500_000_000 },
    { seconds: -2, nanoseconds: 0 },
    { seconds: 3, nanoseconds: 123_456_789 },
  ]);
  expect(() => parsePaxTime('1e9')).toThrow('is not a time');
});

test('maps of holes that make no sense are refused', () => {
  const records = (map: string, size: number): Uint8Array => {
    const text = [
      ['GNU.sparse.map', map],
      ['GNU.sparse.size', String(size)],
    ].map(([key, value]) => {
      const rest = ` ${key}=${value}\n`;
      const length = rest.length + 2;
      return `${length}${rest}`;
    });
    const data = Buffer.from(text.join(''));
    const header = formatFile(plainEntry({ kind: 'file', path: 'x' }), data);
    header[156] = 'x'.charCodeAt(0);
    return withSum(header);
  };
  const sparse = (map: string, size: number): Uint8Array =>
    concatenate([
      records(map, size),
      formatFile(plainEntry({ kind: 'file', path: 'f' }), Buffer.from('abcd')),
      endOfArchive,
    ]);
  expect(read(sparse('2,2,9,2', 99), 100)[0]?.entry.sizeBytes).toBe(99);
  for (const [map, size] of [
    ['2,2,3,2', 99],
    ['2,2,98,2', 99],
    ['2,2', 99],
    ['2,2,9', 99],
    ['9,4,2,0', 99],
    ['1,x', 99],
  ] as const) {
    expect(() => read(sparse(map, size), 100)).toThrow('cannot read archive');
  }
  const reader = new SparseMapReader();
  expect(() => reader.push(Buffer.from('99999999\n'.padEnd(512, ' ')))).toThrow('too many holes');
});

test('headers without end are refused before they are kept', () => {
  const huge = formatHeader(plainEntry({ kind: 'file', path: 'x', sizeBytes: 2 ** 30 }));
  for (const type of ['x', 'L', 'K', 'g']) {
    const header = Uint8Array.from(huge);
    header[156] = type.charCodeAt(0);
    expect(() => read(withSum(header), 512)).toThrow('larger than 1 MiB');
  }
  const unknown = Uint8Array.from(huge);
  unknown[156] = 'Q'.charCodeAt(0);
  expect(() => read(withSum(unknown), 512)).toThrow('unknown type "Q"');
});

/** Sets the checksum of the first header to what its bytes now sum to. */
function withSum(tar: Uint8Array): Uint8Array {
  tar.fill(0x20, 148, 156);
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  tar.set(Buffer.from(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
  return tar;
}
