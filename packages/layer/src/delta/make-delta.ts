import { Chunker } from './chunker.ts';
import { badDelta, deltaMagic, formatNumbers, maximumCopied, operations } from './format.ts';

/** What is known of a base: the chunks in its tar, by hash. */
type BaseIndex = {
  readonly hashes: bigint[];
  /** Where each chunk begins; one more for the end. */
  readonly offsets: number[];
  readonly first: Map<bigint, number>;
};

/** Beyond these nothing of a base is found; 8 GB of files, usually. */
const maximumChunks = 1_000_000;

/** Reads a base once. Memory grows with its chunks, not with its bytes. */
export async function indexBase(tar: AsyncIterable<Uint8Array>): Promise<BaseIndex> {
  const index: BaseIndex = { hashes: [], offsets: [0], first: new Map() };
  let endsAt = 0;
  const chunker = new Chunker((chunk) => {
    endsAt += chunk.length;
    if (index.hashes.length >= maximumChunks) return;
    const hash = hashOf(chunk);
    if (!index.first.has(hash)) index.first.set(hash, index.hashes.length);
    index.hashes.push(hash);
    index.offsets.push(endsAt);
  });
  for await (const bytes of tar) chunker.push(bytes);
  chunker.finish();
  return index;
}

/** A collision gives a tar with another digest, which its reader refuses. */
function hashOf(chunk: Uint8Array): bigint {
  return Bun.hash.wyhash(chunk);
}

/**
 * Makes the operations of a delta, not compressed, while it reads the target once. A chunk that follows the last one in
 * the base too is taken from there, so that runs stay together; else its first place in the base is.
 *
 * @throws invalid when the two turn out to have nothing in common, early, since what is put costs much to pack
 */
export async function* makeDelta(
  { hashes, offsets, first }: BaseIndex,
  tar: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const made: Uint8Array[] = [deltaMagic];
  const baseBytes = offsets.at(-1) ?? 0;
  const most = maximumCopied(baseBytes);
  let copiedBytes = 0;
  let putBytes = 0;
  let run = { offset: 0, length: 0 };
  let next = 0;
  const endRun = (): void => {
    if (run.length > 0) made.push(formatNumbers(operations.copy, [run.offset, run.length]));
    run = { offset: 0, length: 0 };
  };
  const chunker = new Chunker((chunk) => {
    const hash = hashOf(chunk);
    const found = hashes[next] === hash ? next : first.get(hash);
    const offset = found === undefined ? undefined : offsets[found];
    if (found === undefined || offset === undefined || copiedBytes + chunk.length > most) {
      endRun();
      putBytes += chunk.length;
      // The chunk's memory is used again.
      made.push(formatNumbers(operations.put, [chunk.length]), chunk.slice());
      return;
    }
    if (run.offset + run.length !== offset) endRun();
    run = { offset: run.length === 0 ? offset : run.offset, length: run.length + chunk.length };
    copiedBytes += chunk.length;
    next = found + 1;
  });
  for await (const bytes of tar) {
    chunker.push(bytes);
    if (putBytes > baseBytes / 4 && copiedBytes < putBytes / 20) throw badDelta('it finds too little in its base');
    if (made.length > 0) yield Buffer.concat(made.splice(0));
  }
  chunker.finish();
  endRun();
  yield Buffer.concat([...made, formatNumbers(operations.end, [])]);
}
