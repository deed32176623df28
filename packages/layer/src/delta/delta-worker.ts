import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createZstdCompress } from 'node:zlib';
import { EngineError, isEngineError, messageOf } from '@gantry/base';
import { decompress, giveBack } from '../compression.ts';
import { indexBase, makeDelta } from './make-delta.ts';
import type { DeltaReply, DeltaRequest } from './protocol.ts';

/** The entry of a thread that makes one delta. */
const port = globalThis as unknown as {
  onmessage: (event: MessageEvent<DeltaRequest>) => void;
  postMessage: (reply: DeltaReply) => void;
};

const readBytes = 256 * 1024;
/** SAFETY: whoever pushes a bomb gets no more of this thread than any large layer would. */
const maximumTarBytes = 8 * 2 ** 30;

const useless = (why: string): EngineError => new EngineError('invalid', why);

async function* tarOf(path: string): AsyncGenerator<Uint8Array> {
  const { chunks, compression } = await decompress(createReadStream(path, { highWaterMark: readBytes }));
  let tarBytes = 0;
  for await (const chunk of chunks) {
    tarBytes += chunk.length;
    if (tarBytes > maximumTarBytes) throw useless('a tar is too large');
    yield chunk;
    giveBack(chunk, compression);
  }
}

async function make({ base, target, output, maximumBytes }: DeltaRequest): Promise<DeltaReply> {
  const operations = makeDelta(await indexBase(tarOf(base)), tarOf(target));
  await using file = await open(output, 'wx', 0o644);
  let sizeBytes = 0;
  for await (const bytes of packed(operations)) {
    sizeBytes += bytes.length;
    if (sizeBytes > maximumBytes) throw useless('it is too large');
    await file.writeFile(bytes);
  }
  return { kind: 'made', sizeBytes };
}

function describe(error: unknown): DeltaReply {
  if (isEngineError(error, 'invalid') || isEngineError(error, 'unsupported'))
    return { kind: 'useless', why: error.message };
  return { kind: 'failed', message: messageOf(error) };
}

async function* packed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const stream = createZstdCompress();
  const feeding = (async () => {
    try {
      for await (const bytes of source) {
        const taken = Promise.withResolvers<void>();
        stream.write(bytes, () => taken.resolve());
        await taken.promise;
        if (stream.destroyed) return;
      }
      stream.end();
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  })();
  try {
    yield* stream;
    await feeding;
  } finally {
    stream.destroy();
  }
}

port.onmessage = ({ data }) => {
  void make(data)
    .catch(describe)
    .then((reply) => port.postMessage(reply));
};
