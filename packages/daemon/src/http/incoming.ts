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
  #isPaused = false;
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
    if (this.#buffered >= limits.readAheadBytes && !this.#isPaused) {
      this.#isPaused = true;
      this.#socket.pause();
    }
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

  /** Some bytes from the front, at most so many. What is left of a piece stays where it is: nothing is copied. */
  #take(bytes: number): Buffer {
    const first = this.#chunks[0] ?? Buffer.alloc(0);
    if (first.length > bytes) this.#chunks[0] = first.subarray(bytes);
    else this.#chunks.shift();
    const taken = first.subarray(0, bytes);
    this.#buffered -= taken.length;
    if (this.#isPaused && this.#buffered < limits.readAheadBytes) {
      this.#isPaused = false;
      this.#socket.resume();
    }
    return taken;
  }

  /** The text up to `mark`, which is taken too. @returns undefined when the client ended before the first byte */
  async #readThrough(mark: string, what: { cap: number; tooLong: () => HttpError }): Promise<string | undefined> {
    if (!(await this.#more(0))) return undefined;
    const found = this.#takeThrough(mark, { ...what, from: 0 });
    if (found !== undefined) return found;
    using _deadline = this.deadline(limits.headTimeoutMs);
    for (;;) {
      const seen = this.#chunks[0]?.length ?? 0;
      if (!(await this.#more(seen))) throw new HttpError(400, 'unexpected end of the request');
      this.#chunks.unshift(Buffer.concat(this.#chunks.splice(0, 2)));
      const text = this.#takeThrough(mark, { ...what, from: Math.max(0, seen - mark.length) });
      if (text !== undefined) return text;
    }
  }

  /** The same from the first piece alone. */
  #takeThrough(
    mark: string,
    { from, cap, tooLong }: { from: number; cap: number; tooLong: () => HttpError },
  ): string | undefined {
    const within = (this.#chunks[0] ?? Buffer.alloc(0)).subarray(0, cap + mark.length);
    const at = within.indexOf(mark, from);
    if (at >= 0) return this.#take(at + mark.length).toString('latin1', 0, at);
    if (within.length === cap + mark.length) throw tooLong();
    return undefined;
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
    const line = await this.#readThrough('\r\n', chunkLine);
    if (line === undefined) throw new HttpError(400, 'unexpected end of the request body');
    return line;
  }

  /** The same when all of it is here: a body of small chunks spends its time on waiting for nothing otherwise. */
  lineAtHand(): string | undefined {
    return this.#takeThrough('\r\n', { ...chunkLine, from: 0 });
  }

  /** Between one and `max` bytes, as they come. @throws HttpError when the client ended */
  async readSome(max: number): Promise<Buffer> {
    if (!(await this.#more(0))) throw new HttpError(400, 'unexpected end of the request body');
    return this.#take(max);
  }

  /** The same when any are here. */
  someAtHand(max: number): Buffer | undefined {
    return this.#buffered === 0 ? undefined : this.#take(max);
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

const chunkLine = { cap: limits.chunkLineBytes, tooLong: () => new HttpError(400, 'chunk header too long') };
