import type { Socket } from 'node:net';
import { HttpError } from './http-error.ts';
import { limits } from './limits.ts';

/**
 * The bytes that come in on a connection, read ahead a little.
 *
 * It always listens, also while a handler works and nobody reads: that is how the end of a client is noticed. One life:
 * `readHead` and `readSome` alternate; `detach` hands what is left to a hijacked stream.
 */
export class Incoming {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  readonly #onData = (chunk: Buffer): void => this.#push(chunk);
  readonly #onEnd = (): void => this.#finish();
  #buffered = 0;
  #ended = false;
  #deadlineAt: number | undefined;
  #wake: (() => void) | undefined;
  /** Called once, when the client has ended its side or the connection is gone. */
  onEnd: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onEnd);
  }

  get ended(): boolean {
    return this.#ended;
  }

  #push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    if (this.#buffered >= limits.readAheadBytes) this.#socket.pause();
    this.#wake?.();
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#wake?.();
    this.onEnd?.();
  }

  /** Waits for bytes beyond the first `known`. @returns false when no more will come */
  async #more(known: number): Promise<boolean> {
    while (this.#buffered <= known && !this.#ended) {
      this.#refuseLate();
      const woken = Promise.withResolvers<void>();
      this.#wake = woken.resolve;
      await woken.promise;
    }
    this.#refuseLate();
    return this.#buffered > known;
  }

  #take(bytes: number): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    if (all === undefined) return Buffer.alloc(0);
    this.#chunks.length = 0;
    if (all.length > bytes) this.#chunks.push(all.subarray(bytes));
    this.#buffered = Math.max(0, all.length - bytes);
    if (this.#buffered < limits.readAheadBytes) this.#socket.resume();
    return all.subarray(0, bytes);
  }

  /** The text up to `mark`, which is taken too. @returns undefined when the client ended before the first byte */
  async #readThrough(mark: string, what: { cap: number; tooLong: () => HttpError }): Promise<string | undefined> {
    if (!(await this.#more(0))) return undefined;
    using _deadline = this.deadline(limits.headTimeoutMs);
    for (let seen = 0; ; ) {
      const all = Buffer.concat(this.#chunks);
      this.#chunks.splice(0, this.#chunks.length, all);
      const at = all.indexOf(mark, Math.max(0, seen - mark.length));
      if (at > what.cap || (at < 0 && all.length > what.cap)) throw what.tooLong();
      if (at >= 0) return this.#take(at + mark.length).toString('latin1', 0, at);
      seen = all.length;
      if (!(await this.#more(seen))) throw new HttpError(400, 'unexpected end of the request');
    }
  }

  /** The next request's head, without its empty line; undefined when the client has ended. */
  async readHead(): Promise<string | undefined> {
    // Clients may send an empty line after a body; RFC 9112, 2.2 says to skip it.
    while ((await this.#more(0)) && this.#startsWithLineEnd()) this.#take(1);
    const tooLong = (): HttpError => new HttpError(431, 'request header fields too large');
    return await this.#readThrough('\r\n\r\n', { cap: limits.headBytes, tooLong });
  }

  #startsWithLineEnd(): boolean {
    const first = this.#chunks.find((chunk) => chunk.length > 0)?.[0];
    return first === 0x0d || first === 0x0a;
  }

  /** One line of a chunked body. */
  async readLine(): Promise<string> {
    const tooLong = (): HttpError => new HttpError(400, 'chunk header too long');
    const line = await this.#readThrough('\r\n', { cap: limits.chunkLineBytes, tooLong });
    if (line === undefined) throw new HttpError(400, 'unexpected end of the request body');
    return line;
  }

  /** Between one and `max` bytes, as they come. @throws HttpError when the client ended */
  async readSome(max: number): Promise<Buffer> {
    if (!(await this.#more(0))) throw new HttpError(400, 'unexpected end of the request body');
    return this.#take(max);
  }

  /** Until it is disposed of, waiting longer than this is refused. An outer deadline counts on. */
  deadline(timeoutMs: number): Disposable {
    if (this.#deadlineAt !== undefined) return { [Symbol.dispose]: () => undefined };
    this.#deadlineAt = performance.now() + timeoutMs;
    const timer = setTimeout(() => this.#wake?.(), timeoutMs + 1);
    return {
      [Symbol.dispose]: () => {
        clearTimeout(timer);
        this.#deadlineAt = undefined;
      },
    };
  }

  #refuseLate(): void {
    if (this.#deadlineAt !== undefined && performance.now() >= this.#deadlineAt) {
      throw new HttpError(408, 'the request came too slowly');
    }
  }

  /** Stops listening and gives away what was read ahead. */
  detach(): { bytes: Buffer; ended: boolean } {
    this.#socket.off('data', this.#onData);
    this.#socket.off('end', this.#onEnd);
    this.#socket.off('close', this.#onEnd);
    this.#socket.pause();
    this.onEnd = undefined;
    return { bytes: Buffer.concat(this.#chunks), ended: this.#ended };
  }
}
