import { EngineError } from '@gantry/base';
import type { Chunk } from '../pack/chunk-buffer.ts';
import type { FromTree, ToTree } from './protocol.ts';

type Post = (reply: FromTree, transfer?: ArrayBuffer[]) => void;

/** How many messages may be under way: enough to keep both threads busy. */
const chunksUnderWay = 4;
export const piecesUnderWay = 8;

/** A tree thread's side of its streams: chunks go out as the other side has room, bytes come in as they are taken. */
export class Mailbox {
  readonly #post: Post;
  readonly #bytes: Chunk[] = [];
  #room = chunksUnderWay;
  #ended = false;
  #stopped = false;
  #wake: () => void = () => undefined;

  constructor(post: Post) {
    this.#post = post;
  }

  receive(message: ToTree): void {
    if (message.kind === 'bytes') this.#bytes.push(message.bytes);
    else if (message.kind === 'room') this.#room++;
    else if (message.kind === 'end') this.#ended = true;
    else if (message.kind === 'stop') this.#stopped = true;
    this.#wake();
  }

  /** Sends all chunks, waiting for room. @throws cancelled when nobody listens any more */
  async send(chunks: Iterable<Chunk>): Promise<void> {
    for (const bytes of chunks) {
      if (bytes.length === 0) continue;
      await this.#until(() => this.#room > 0);
      this.#room--;
      // A chunk that is not full is copied, or its whole buffer would travel.
      const own = bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
      this.#post({ kind: 'chunk', bytes: own }, [own.buffer]);
    }
  }

  /**
   * The bytes that come in; each piece goes back to be filled again when the next is asked for. Even a decompressor has
   * read all of it by then: a piece is larger than what it takes ahead (`decompress`).
   *
   * @throws cancelled
   */
  async *bytes(): AsyncGenerator<Uint8Array> {
    for (;;) {
      await this.#until(() => this.#bytes.length > 0 || this.#ended);
      const bytes = this.#bytes.shift();
      if (bytes === undefined) return;
      yield bytes;
      this.#post({ kind: 'taken', bytes }, [bytes.buffer]);
    }
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!this.#stopped && !isSo()) {
      const woken = Promise.withResolvers<void>();
      this.#wake = woken.resolve;
      await woken.promise;
    }
    if (this.#stopped) throw new EngineError('cancelled', 'nobody waits for it any more');
  }
}
