import {
  close,
  epollControl,
  epollCreate,
  epollWait,
  type Frame,
  FrameDecoder,
  frameType,
  pollEvent,
  recv,
  sendto,
  shutdown,
} from '@gantry/native';

/** A connection to a shim, read synchronously: the shim is another process, so a test may simply wait. */
export class Connection implements Disposable {
  readonly fd: number;
  readonly #decoder = new FrameDecoder();
  readonly #epoll = epollCreate();
  readonly frames: Frame[] = [];
  ended = false;

  constructor(fd: number) {
    this.fd = fd;
    epollControl(this.#epoll, 'add', { fd, events: pollEvent.in | pollEvent.hangup });
  }

  send(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const sent = sendto(this.fd, bytes.subarray(done));
      if (sent < 0) throw new Error(`send: errno ${-sent}`);
      done += sent;
    }
  }

  endInput(): void {
    shutdown(this.fd, 'write');
  }

  /** Raw bytes, empty at the end of the stream. */
  readRaw(timeoutMs = 10_000): Uint8Array {
    if (epollWait(this.#epoll, timeoutMs).length === 0) throw new Error('nothing came in time');
    const bytes = new Uint8Array(65536);
    const length = recv(this.fd, bytes);
    if (length <= 0) this.ended = true;
    if (length < 0) throw new Error(`receive: errno ${-length}`);
    return bytes.subarray(0, length);
  }

  /** Takes in what has come as frames. */
  collect(): void {
    this.frames.push(...this.#decoder.push(this.readRaw()));
  }

  /** Tells whether nothing comes for a moment. */
  isQuiet(milliseconds: number): boolean {
    return epollWait(this.#epoll, milliseconds).length === 0;
  }

  /** Waits for a frame of one of the types and returns it as JSON. */
  wait(...types: readonly number[]): { type: number; record: Record<string, unknown> } {
    for (;;) {
      const at = this.frames.findIndex((frame) => types.includes(frame.type));
      const found = this.frames[at];
      if (found !== undefined) {
        this.frames.splice(at, 1);
        return { type: found.type, record: JSON.parse(new TextDecoder().decode(found.payload)) };
      }
      if (this.ended) throw new Error(`the shim ended without a frame of type ${types}; it said ${show(this.frames)}`);
      this.frames.push(...this.#decoder.push(this.readRaw()));
    }
  }

  /** Everything of one stream up to its end. */
  output(type: number = frameType.stdout): string {
    while (!this.ended) this.frames.push(...this.#decoder.push(this.readRaw()));
    const parts = this.frames.filter((frame) => frame.type === type).map((frame) => frame.payload);
    return new TextDecoder().decode(Buffer.concat(parts));
  }

  /** Reads on until the stream's text holds what is waited for. */
  outputUntil(text: string, type: number = frameType.stdout): string {
    for (;;) {
      const parts = this.frames.filter((frame) => frame.type === type).map((frame) => frame.payload);
      const seen = new TextDecoder().decode(Buffer.concat(parts));
      if (seen.includes(text) || this.ended) return seen;
      this.frames.push(...this.#decoder.push(this.readRaw()));
    }
  }

  /** Reads a terminal until its text holds what is waited for. */
  rawUntil(text: string): string {
    let seen = '';
    while (!seen.includes(text) && !this.ended) seen += new TextDecoder().decode(this.readRaw());
    return seen;
  }

  [Symbol.dispose](): void {
    close(this.#epoll);
    close(this.fd);
  }
}

const show = (frames: readonly Frame[]): string =>
  frames.map((frame) => `${frame.type}:${new TextDecoder().decode(frame.payload)}`).join(' ');
