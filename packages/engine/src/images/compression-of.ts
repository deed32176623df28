import { closeSync, openSync, readSync } from 'node:fs';
import { type Compression, detectCompression } from '@gantry/layer';

/** How a kept blob is packed, by its first bytes. */
export function compressionOf(path: string): Compression {
  const head = new Uint8Array(16);
  const fd = openSync(path, 'r');
  using _fd = { [Symbol.dispose]: () => closeSync(fd) };
  return detectCompression(head.subarray(0, readSync(fd, head)));
}
