import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { EngineError } from '@gantry/base';
import { type Descriptor, mediaTypes, parseDigest, plainDescriptor } from '@gantry/oci';
import type { ImageDeps } from './deps.ts';
import type { PackReply, PackRequest } from './pack-worker.ts';

/** Each block becomes a member of its own, so that cores share the work; larger ones would not be packed any better. */
const blockBytes = 2 ** 20;

/**
 * Packs a layer that is kept as a plain tar, on all cores, one layer at a time. Equal tars become equal blobs: blocks
 * have a fixed size, and the header of a gzip member holds neither time nor name.
 *
 * @param user holds the result as long as it is sent
 * @throws unavailable when the disk is full, cancelled
 */
export async function packLayer(
  deps: ImageDeps,
  path: string,
  { user, signal }: { readonly user: string; readonly signal: AbortSignal },
): Promise<Descriptor> {
  using _place = await deps.packing.enter(signal);
  using ingest = deps.content.ingest();
  const hash = createHash('sha256');
  for await (const member of pack(path, signal)) {
    hash.update(member);
    ingest.write(member);
  }
  ingest.complete();
  const digest = parseDigest(`sha256:${hash.digest('hex')}`);
  deps.content.hold(digest, user);
  ingest.commit(digest);
  const mediaType = mediaTypes.dockerLayerGzip;
  return plainDescriptor({ mediaType, digest, sizeBytes: ingest.sizeBytes });
}

/** The members in their order; each thread has one block in hand and one to go on with. */
async function* pack(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const totalBytes = statSync(path).size;
  const blocks = Math.ceil(totalBytes / blockBytes);
  using threads = new PackThreads(Math.min(blocks, availableParallelism()));
  const underWay: Promise<Uint8Array>[] = [];
  for (let next = 0; next < blocks || underWay.length > 0; ) {
    signal.throwIfAborted();
    if (next < blocks && underWay.length < 2 * threads.count) {
      const offset = next++ * blockBytes;
      const packing = threads.pack({ path, offset, sizeBytes: Math.min(blockBytes, totalBytes - offset) });
      // Whoever awaits it hears of a failure; when an earlier one ends the loop, nobody does.
      packing.catch(() => undefined);
      underWay.push(packing);
    } else {
      const member = await underWay.shift();
      if (member !== undefined) yield member;
    }
  }
}

type Pending = ReturnType<typeof Promise.withResolvers<Uint8Array>>;

/** Threads for one layer: they end with it, since an idle daemon must not have them. */
class PackThreads implements Disposable {
  readonly #threads: readonly { readonly worker: Worker; readonly pending: Pending[] }[];
  #turn = 0;

  constructor(count: number) {
    this.#threads = Array.from({ length: count }, () => startThread());
  }

  get count(): number {
    return this.#threads.length;
  }

  /** Blocks go round the threads; each answers its own in their order. */
  pack(request: PackRequest): Promise<Uint8Array> {
    const thread = this.#threads[this.#turn++ % this.#threads.length];
    if (thread === undefined) throw new Error('unreachable: a layer has a block, and a block a thread');
    const pending = Promise.withResolvers<Uint8Array>();
    thread.pending.push(pending);
    thread.worker.postMessage(request);
    return pending.promise;
  }

  [Symbol.dispose](): void {
    for (const { worker } of this.#threads) worker.terminate();
  }
}

function startThread(): { readonly worker: Worker; readonly pending: Pending[] } {
  const worker = new Worker(new URL('./pack-worker.ts', import.meta.url).href, { smol: true });
  const pending: Pending[] = [];
  const failure = (why: string): EngineError => new EngineError('internal', `cannot pack layer: ${why}`);
  worker.onmessage = ({ data }: MessageEvent<PackReply>) => {
    const first = pending.shift();
    if (data.kind === 'packed') first?.resolve(data.member);
    else first?.reject(failure(data.message));
  };
  worker.onerror = ({ message }) => {
    for (const waiting of pending.splice(0)) waiting.reject(failure(`its thread failed: ${message}`));
  };
  return { worker, pending };
}
