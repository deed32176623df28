import { bytesOfText, rawToString, stringToBytes } from '../byte-string.ts';
import type { EntryKind, TarEntry } from './entry.ts';
import { blockBytes } from './header.ts';

const typeOf: Readonly<Record<EntryKind, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

/** The two zero blocks that end an archive. */
export const endOfArchive: Uint8Array = new Uint8Array(2 * blockBytes);

/** Zero bytes that fill the last block of a file. */
export function paddingAfter(sizeBytes: number): Uint8Array {
  return new Uint8Array((blockBytes - (sizeBytes % blockBytes)) % blockBytes);
}

/** An ordinary entry, for what the caller does not say. Paths are byte strings. */
export function plainEntry(entry: Partial<TarEntry> & Pick<TarEntry, 'kind' | 'path'>): TarEntry {
  const defaults = {
    linkPath: '',
    mode: entry.kind === 'directory' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: 0,
    modified: { seconds: 0, nanoseconds: 0 },
    accessed: undefined,
    major: 0,
    minor: 0,
    xattrs: new Map(),
  };
  return { ...defaults, ...entry };
}

/** Formats the header of an entry: one ustar block, after a pax header when something does not fit it. */
export function formatHeader(entry: TarEntry): Uint8Array {
  return formatHeaderWith(entry, {});
}

/** The same with pax records besides those that the entry needs. */
export function formatHeaderWith(entry: TarEntry, more: Readonly<Record<string, string>>): Uint8Array {
  const records =
    paxRecords(entry) +
    Object.entries(more)
      .map(([key, value]) => paxRecord(key, value))
      .join('');
  if (records === '') return ustarBlock(entry, typeOf[entry.kind]);
  const data = stringToBytes(records);
  const pax = plainEntry({ kind: 'file', path: 'PaxHeaders.0/entry', sizeBytes: data.length });
  return concatenate([ustarBlock(pax, 'x'), data, paddingAfter(data.length), ustarBlock(entry, typeOf[entry.kind])]);
}

/** Formats a whole small file. */
export function formatFile(entry: TarEntry, data: Uint8Array): Uint8Array {
  const whole = { ...entry, sizeBytes: data.length };
  return concatenate([formatHeader(whole), data, paddingAfter(data.length)]);
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

function paxRecords(entry: TarEntry): string {
  const { modified, accessed } = entry;
  const records: string[] = [];
  const add = (key: string, value: string): void => {
    records.push(paxRecord(key, value));
  };
  const seconds = Number(modified.seconds);
  if (entry.path.length > 100 || hasHighBytes(entry.path)) add('path', entry.path);
  if (entry.linkPath.length > 100 || hasHighBytes(entry.linkPath)) add('linkpath', entry.linkPath);
  if (entry.sizeBytes > 0o77777777777) add('size', String(entry.sizeBytes));
  if (entry.uid > 0o7777777) add('uid', String(entry.uid));
  if (entry.gid > 0o7777777) add('gid', String(entry.gid));
  if (modified.nanoseconds !== 0 || seconds < 0 || seconds > 0o77777777777) add('mtime', formatTime(modified));
  if (accessed !== undefined) add('atime', formatTime(accessed));
  for (const [name, value] of entry.xattrs) add(`SCHILY.xattr.${bytesOfText(name)}`, rawToString(value));
  return records.join('');
}

/** The length counts itself, so it is found by trying. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return length + rest;
}

function hasHighBytes(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return true;
  return false;
}

function formatTime(time: TarEntry['modified']): string {
  const nanos = BigInt(time.seconds) * 1_000_000_000n + BigInt(time.nanoseconds);
  const absolute = nanos < 0n ? -nanos : nanos;
  const fraction = String(absolute % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${nanos < 0n ? '-' : ''}${absolute / 1_000_000_000n}${fraction === '' ? '' : `.${fraction}`}`;
}

function ustarBlock(entry: TarEntry, type: string): Uint8Array {
  const block = Buffer.alloc(blockBytes);
  const text = (at: number, length: number, value: string): void => {
    block.write(value.slice(0, length), at, 'latin1');
  };
  // What does not fit stands in the pax header; here it reads as zero.
  const octal = (at: number, length: number, value: number): void => {
    const digits = value < 0 ? '' : value.toString(8);
    text(at, length, `${(digits.length >= length ? '' : digits).padStart(length - 1, '0')}\0`);
  };
  text(0, 100, entry.path);
  octal(100, 8, entry.mode);
  octal(108, 8, entry.uid);
  octal(116, 8, entry.gid);
  octal(124, 12, entry.kind === 'file' ? entry.sizeBytes : 0);
  octal(136, 12, Number(entry.modified.seconds));
  text(148, 8, '        ');
  text(156, 1, type);
  text(157, 100, entry.linkPath);
  text(257, 8, 'ustar\x0000');
  octal(329, 8, entry.major);
  octal(337, 8, entry.minor);
  let sum = 0;
  // A loop: a reduce over every header is a tenth of what packing costs.
  for (let i = 0; i < blockBytes; i++) sum += block[i] ?? 0;
  text(148, 8, `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}
