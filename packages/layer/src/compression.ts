import { createGunzip, createZstdDecompress } from 'node:zlib';
import { EngineError } from '@gantry/base';

export type Compression = 'plain' | 'gzip' | 'zstd';

/** So many leading bytes decide. */
export const magicBytes = 10;

const foreign: readonly (readonly [name: string, magic: readonly number[]])[] = [
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

/**
 * Tells the compression from the first bytes; what the sender calls it does not count.
 *
 * SAFETY: the formats are a closed set, decompressed in this process: no program is ever run for one (CVE-2014-9357).
 *
 * @throws unsupported for bzip2 and xz
 */
export function detectCompression(head: Uint8Array): Compression {
  const startsWith = (magic: readonly number[]): boolean => magic.every((byte, i) => head[i] === byte);
  if (startsWith([0x1f, 0x8b, 0x08])) return 'gzip';
  // A zstd frame, or one of its sixteen skippable ones.
  const [first = 0] = head;
  if (startsWith([0x28, 0xb5, 0x2f, 0xfd])) return 'zstd';
  if ((first & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18) return 'zstd';
  for (const [name, magic] of foreign) {
    if (startsWith(magic)) {
      throw new EngineError('unsupported', `cannot read archive: it is compressed with ${name}`, {
        hint: 'compress it with gzip or zstd',
      });
    }
  }
  return 'plain';
}

/** Fits a core's cache, so that hashing and writing find it there; larger ones are no faster and cost memory. */
const chunkBytes = 256 * 1024;

/** The bytes inside a stream, and how they were packed. */
export type Decompressed = { readonly compression: Compression; readonly chunks: AsyncIterable<Uint8Array> };

/**
 * Decompresses a stream whose compression its first bytes tell; gzip members and zstd frames may follow one another.
 * The work is done on Node's thread pool, so the caller's thread can hash and write the previous chunk meanwhile. The
 * source is asked for a chunk only when nothing needs the one before any more: it may use the same memory again.
 *
 * @throws invalid (when read: corrupt, or cut short), unsupported, and what the source throws
 */
export async function decompress(source: AsyncIterable<Uint8Array>): Promise<Decompressed> {
  const iterator = source[Symbol.asyncIterator]();
  const head = await readHead(iterator);
  const whole = rejoin(head, iterator);
  const compression = detectCompression(head);
  return { compression, chunks: compression === 'plain' ? whole : inflate(whole, compression) };
}

async function readHead(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let head = new Uint8Array(0);
  while (head.length < magicBytes) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = head.length === 0 ? new Uint8Array(next.value) : new Uint8Array(Buffer.concat([head, next.value]));
  }
  return head;
}

async function* rejoin(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    if (head.length > 0) yield head;
    for (;;) {
      const next = await rest.next();
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await rest.return?.();
  }
}

async function* inflate(source: AsyncIterable<Uint8Array>, compression: 'gzip' | 'zstd'): AsyncGenerator<Uint8Array> {
  const options = { chunkSize: chunkBytes, highWaterMark: chunkBytes };
  const stream = compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
  const taken = openWait(stream);
  let sourceFailure: { readonly error: unknown } | undefined;
  const feeding = (async () => {
    try {
      for await (const chunk of source) {
        if (stream.destroyed) return;
        const wait = taken();
        stream.write(chunk, wait.resolve);
        await wait.promise;
      }
      stream.end();
    } catch (error) {
      sourceFailure = { error };
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  })();
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
    await feeding;
  } catch (error) {
    if (sourceFailure !== undefined) throw sourceFailure.error;
    throw new EngineError('invalid', `cannot read archive: its ${compression} data is corrupt or cut short`, {
      cause: error,
    });
  } finally {
    stream.destroy();
  }
}

/** Waits for something; also settles when the stream ends otherwise, so that a reader who leaves strands nobody. */
function openWait(
  stream: NodeJS.EventEmitter,
): () => { readonly promise: Promise<void>; readonly resolve: () => void } {
  let waiting = Promise.withResolvers<void>();
  for (const event of ['close', 'error']) stream.on(event, () => waiting.resolve());
  return () => {
    waiting = Promise.withResolvers<void>();
    return waiting;
  };
}

/**
 * Frees the memory of a chunk of `decompress` that nobody needs any more: the collector would let some twenty megabytes
 * of them gather. What was not compressed is its source's, and a buffer that is not full yet is filled on by zlib.
 */
export function giveBack({ buffer, byteOffset, length }: Uint8Array, compression: Compression): void {
  const isWhole = byteOffset + length === buffer.byteLength;
  if (compression !== 'plain' && buffer instanceof ArrayBuffer && isWhole) buffer.transfer(0);
}
