import { closeSync, openSync, readSync } from 'node:fs';
import { EngineError, messageOf } from '@gantry/base';

const longestBytes = 2 ** 20;

/** Reads a JSON document that a flag names, `-` for stdin, up to 1 MiB. @throws not-found, invalid */
export function readDocument(path: string): string {
  const fd = path === '-' ? 0 : open(path);
  try {
    const bytes = Buffer.alloc(longestBytes + 1);
    let length = 0;
    for (let got = 1; got > 0 && length < bytes.length; length += got) {
      got = readSync(fd, bytes, length, bytes.length - length, null);
    }
    if (length > longestBytes) throw new EngineError('invalid', `cannot read "${path}": it is longer than 1 MiB`);
    return bytes.toString('utf8', 0, length);
  } finally {
    if (fd !== 0) closeSync(fd);
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw new EngineError('not-found', `cannot read "${path}": ${messageOf(cause)}`, { cause });
  }
}
