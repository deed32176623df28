/**
 * Standard output or error, buffered, with back-pressure.
 *
 * `process.stdout` would cost twenty milliseconds of start-up for its stream machinery; Bun's sink costs nothing.
 */
export class Output {
  readonly fd: number;
  readonly #sink: Bun.FileSink;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(fd: 1 | 2) {
    this.fd = fd;
    this.#sink = (fd === 1 ? Bun.stdout : Bun.stderr).writer({ highWaterMark: 1 << 16 });
  }

  /** Buffers a text or bytes; nothing is sure to be out before `flush` settles. */
  write(data: string | Uint8Array): void {
    const writing: unknown = this.#sink.write(data);
    if (!(writing instanceof Promise)) return;
    // A reader that went away is told by `flush`; until then nobody waits for the promise, and it must not end us.
    this.#writing = Promise.all([this.#writing, writing]);
    this.#writing.catch(() => undefined);
  }

  line(text: string): void {
    this.write(`${text}\n`);
  }

  async flush(): Promise<void> {
    await this.#writing;
    await this.#sink.flush();
  }
}
