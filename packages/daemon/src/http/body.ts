import { HttpError } from './http-error.ts';
import type { Incoming } from './incoming.ts';
import { limits } from './limits.ts';
import type { BodyFrame } from './request-head.ts';

/** The body of one request: read once, as a stream or as a whole, or swallowed at the end. */
export class Body {
  readonly #incoming: Incoming;
  readonly #chunks: AsyncGenerator<Buffer, void>;
  readonly isEmpty: boolean;
  #done: boolean;

  /** @param onFirstRead sends `100 Continue` to a client that waits for it */
  constructor(incoming: Incoming, frame: BodyFrame, onFirstRead: () => void) {
    this.#incoming = incoming;
    this.isEmpty = frame.kind === 'none';
    this.#done = this.isEmpty;
    this.#chunks = this.#read(frame, onFirstRead);
  }

  async *#read(frame: BodyFrame, onFirstRead: () => void): AsyncGenerator<Buffer, void> {
    if (frame.kind === 'none') return;
    onFirstRead();
    if (frame.kind === 'length') yield* this.#exactly(frame.bytes);
    else yield* this.#dechunk();
    this.#done = true;
  }

  async *#exactly(bytes: number): AsyncGenerator<Buffer, void> {
    for (let left = bytes; left > 0; ) {
      const chunk = this.#incoming.someAtHand(left) ?? (await this.#incoming.readSome(left));
      left -= chunk.length;
      yield chunk;
    }
  }

  /** Spec: RFC 9112, section 7.1. Extensions and trailers are read and dropped. */
  async *#dechunk(): AsyncGenerator<Buffer, void> {
    for (;;) {
      const line = this.#incoming.lineAtHand() ?? (await this.#incoming.readLine());
      const size = /^([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?$/.exec(line)?.[1];
      if (size === undefined) throw new HttpError(400, 'malformed chunk header');
      const bytes = Number.parseInt(size, 16);
      if (bytes === 0) break;
      for (let left = bytes; left > 0; ) {
        const chunk = this.#incoming.someAtHand(left) ?? (await this.#incoming.readSome(left));
        left -= chunk.length;
        yield chunk;
      }
      const end = this.#incoming.lineAtHand() ?? (await this.#incoming.readLine());
      if (end !== '') throw new HttpError(400, 'malformed chunk end');
    }
    for (let trailers = 0; (await this.#incoming.readLine()) !== ''; trailers++) {
      if (trailers > 64) throw new HttpError(400, 'too many trailers');
    }
  }

  /** The body as it comes. Leaving the loop early leaves the rest unread, which ends the connection unless it is small. */
  stream(): AsyncIterable<Uint8Array> {
    return { [Symbol.asyncIterator]: () => ({ next: () => this.#chunks.next() }) };
  }

  /** The whole body as text. @throws HttpError 413 beyond the cap, 408 when it dribbles */
  async text(): Promise<string> {
    const parts: Buffer[] = [];
    let bytes = 0;
    using _deadline = this.#incoming.deadline(limits.jsonBodyTimeoutMs);
    for await (const chunk of this.stream()) {
      bytes += chunk.length;
      if (bytes > limits.jsonBodyBytes) {
        throw new HttpError(413, `request body too large: more than ${limits.jsonBodyBytes} bytes`);
      }
      parts.push(Buffer.from(chunk));
    }
    return Buffer.concat(parts).toString('utf8');
  }

  /** Swallows a small rest. @returns false when the connection cannot be used again */
  async finish(): Promise<boolean> {
    let left: number = limits.unreadBodyBytes;
    using _deadline = this.#incoming.deadline(limits.jsonBodyTimeoutMs);
    while (!this.#done && left > 0) {
      const next = await this.#chunks.next();
      if (next.done === true) break;
      left -= next.value.length;
    }
    return this.#done;
  }
}
