import { type FileHandle, open } from 'node:fs/promises';
import { decompress } from '../compression.ts';
import { GrowthLimit } from '../growth-limit.ts';
import { ByteCursor, badDelta, deltaMagic, maximumCopied, operations } from './format.ts';

const chunkBytes = 256 * 1024;

/**
 * Puts a tar together from a base and a delta. What comes out is to be verified: neither is trusted here. A chunk is gone
 * when the next is asked for.
 *
 * SAFETY: the delta comes from a registry. It reads nowhere but inside the base, and what it grows to is bounded.
 *
 * @param basePath a plain tar that nobody changes
 * @param delta as it came, compressed
 * @throws invalid, and what the source throws
 */
export async function* applyDelta(basePath: string, delta: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const growth = new GrowthLimit('delta');
  const { chunks } = await decompress(growth.counted(delta));
  const cursor = new ByteCursor(grown(chunks, growth));
  await using _cursor = { [Symbol.asyncDispose]: () => cursor.end() };
  for (const byte of deltaMagic) if ((await cursor.byte()) !== byte) throw badDelta('it is none');
  await using base = await open(basePath, 'r');
  const baseBytes = (await base.stat()).size;
  const memory = new Uint8Array(chunkBytes);
  let copyableBytes = maximumCopied(baseBytes);
  for (;;) {
    const operation = await cursor.byte();
    if (operation === operations.end) return;
    if (operation === operations.copy) {
      const range = { offset: await cursor.number(), length: await cursor.number() };
      if (range.offset + range.length > baseBytes) throw badDelta('it copies from outside of its base');
      copyableBytes -= range.length;
      if (copyableBytes < 0) throw badDelta('it copies more than four times its base');
      yield* readRange(base, range, memory);
    } else if (operation === operations.put) {
      for (let left = await cursor.number(); left > 0; ) {
        const bytes = await cursor.some(left);
        left -= bytes.length;
        yield bytes;
      }
    } else throw badDelta(`it has an operation ${operation}`);
  }
}

async function* grown(chunks: AsyncIterable<Uint8Array>, growth: GrowthLimit): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    growth.grow(chunk.length);
    yield chunk;
  }
}

async function* readRange(
  base: FileHandle,
  { offset, length }: { offset: number; length: number },
  memory: Uint8Array,
): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < length; ) {
    const { bytesRead } = await base.read(memory, 0, Math.min(memory.length, length - done), offset + done);
    if (bytesRead === 0) throw new Error('unreachable: a base became shorter while it was read');
    done += bytesRead;
    yield memory.subarray(0, bytesRead);
  }
}
