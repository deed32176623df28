import { EngineError } from '@gantry/base';
import { type Chunk, ChunkBuffer, newChunk } from '../pack/chunk-buffer.ts';
import { piecesUnderWay } from './mailbox.ts';
import { type FromTree, type ToTree, type TreeReplies, type TreeRequest, treeFailure } from './protocol.ts';

/**
 * One request to a tree, served by a thread of its own with a mount namespace of its own; both end with it.
 *
 * One life: `head` settles with the first answer, `chunks` are read to their end, dispose. Disposing earlier stops the
 * thread and waits until it has let go of everything.
 */
export class TreeThread<Verb extends TreeRequest['verb']> implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #ready = Promise.withResolvers<void>();
  readonly #head = Promise.withResolvers<TreeReplies[Verb]>();
  readonly #over = Promise.withResolvers<void>();
  readonly #chunks: Uint8Array[] = [];
  /** Memory that came back. */
  readonly #spare: Chunk[] = [];
  #isOver = false;
  #failure: EngineError | undefined;
  #room = piecesUnderWay;
  #wake: () => void = () => undefined;

  /** @param input the archive that an `extract` takes */
  constructor(request: TreeRequest & { readonly verb: Verb }, input?: AsyncIterable<Uint8Array>) {
    this.#worker = new Worker(new URL('./tree-worker.ts', import.meta.url).href, { smol: true });
    this.#worker.onmessage = (event: MessageEvent<FromTree>) => this.#receive(event.data);
    this.#worker.onerror = (event) =>
      this.#end(new EngineError('internal', `cannot work in a container's tree: its thread failed: ${event.message}`));
    for (const { promise } of [this.#ready, this.#head]) promise.catch(() => undefined);
    this.#post({ kind: 'request', request });
    if (input !== undefined) void this.#feed(input);
  }

  /** Settles once the tree is open: whatever becomes of the container, it stays so. No byte of the input was read yet. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** @throws what the thread threw */
  get head(): Promise<TreeReplies[Verb]> {
    return this.#head.promise;
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      await this.#until(() => this.#chunks.length > 0);
      const bytes = this.#chunks.shift();
      if (bytes === undefined) break;
      this.#post({ kind: 'room' });
      yield bytes;
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#post({ kind: 'stop' });
    await this.#over.promise;
  }

  #post(message: ToTree): void {
    if (!this.#isOver) this.#worker.postMessage(message);
  }

  #receive(reply: FromTree): void {
    switch (reply.kind) {
      case 'ready':
        this.#ready.resolve();
        break;
      case 'head':
        // Paired with the request by its verb, which the compiler cannot follow through a message.
        this.#head.resolve(reply.value as TreeReplies[Verb]);
        break;
      case 'chunk':
        this.#chunks.push(reply.bytes);
        break;
      case 'taken':
        this.#room++;
        this.#spare.push(new Uint8Array(reply.bytes.buffer));
        break;
      case 'done':
        this.#end(undefined);
        break;
      case 'failed':
        this.#end(treeFailure(reply));
        break;
    }
    this.#wake();
  }

  #end(failure: EngineError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = failure;
    this.#ready.reject(failure);
    this.#head.reject(failure ?? new Error('unreachable: a tree thread ended without an answer'));
    // It has closed what it opened: its last word comes after that.
    this.#worker.terminate();
    this.#over.resolve();
    this.#wake();
  }

  async #feed(input: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      await this.#ready.promise;
      for await (const piece of inPieces(input, () => this.#spare.pop() ?? newChunk())) {
        await this.#until(() => this.#room > 0);
        if (this.#isOver) return;
        this.#room--;
        this.#worker.postMessage({ kind: 'bytes', bytes: piece } satisfies ToTree, [piece.buffer]);
      }
      this.#post({ kind: 'end' });
    } catch (error) {
      // The client broke off (or the tree did not open): what the thread says to the stop is not the reason.
      this.#head.reject(error);
      this.#post({ kind: 'stop' });
    }
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!this.#isOver && !isSo()) {
      const woken = Promise.withResolvers<void>();
      this.#wake = woken.resolve;
      await woken.promise;
    }
  }
}

/** The same bytes in larger pieces that may travel: a message costs more than the copy of what a client sends at a time. */
async function* inPieces(source: AsyncIterable<Uint8Array>, fresh: () => Chunk): AsyncGenerator<Chunk> {
  const buffer = new ChunkBuffer(fresh);
  for await (const bytes of source) {
    for (let at = 0; at < bytes.length; ) {
      at += buffer.add(at === 0 ? bytes : bytes.subarray(at));
      if (buffer.isFull) yield buffer.take();
    }
  }
  const rest = buffer.take();
  if (rest.length > 0) yield rest;
}
