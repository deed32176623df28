/**
 * Standard output or error, buffered, with back-pressure.
 *
 * `process.stdout` would cost twenty milliseconds of start-up for its stream machinery; Bun's sink costs nothing.
 */
export class Output {
  readonly fd: number;
  readonly #sink: Bun.FileSink;

  constructor(fd: 1 | 2) {
    this.fd = fd;
    this.#sink = (fd === 1 ? Bun.stdout : Bun.stderr).writer({ highWaterMark: 1 << 16 });
  }

  /** Buffers a text or bytes; nothing is sure to be out before `flush` settles. */
  write(data: string | Uint8Array): void {
    this.#sink.write(data);
  }

  line(text: string): void {
    this.#sink.write(`${text}\n`);
  }

  async flush(): Promise<void> {
    await this.#sink.flush();
  }
}
