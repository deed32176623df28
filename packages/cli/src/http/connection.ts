import type { EngineAddress } from '../engine-address.ts';

/**
 * One byte stream to the engine, read and written with back-pressure.
 *
 * `connect` it, `write` requests, `read` until undefined, `endWriting` to say that no more will come (the other half
 * stays open, as attached input needs), `close` at the end. Bun's own sockets are used because loading `node:net` or
 * `node:http` costs more than a whole `gantry run`.
 */
export class Connection implements Disposable {
  readonly #received: Uint8Array[] = [];
  #receivedBytes = 0;
  #ended = false;
  #failure: Error | undefined;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;
  #socket!: Bun.Socket<undefined>;

  static async connect(address: EngineAddress): Promise<Connection> {
    const connection = new Connection();
    const socket: Bun.SocketHandler<undefined> = {
      open: (opened) => connection.#adopt(opened),
      data: (_, bytes) => connection.#take(bytes),
      end: () => connection.#end(undefined),
      close: (_, error) => connection.#end(error),
      error: (_, error) => connection.#end(error),
      drain: () => connection.#drained(),
    };
    await (address.kind === 'unix'
      ? Bun.connect({ unix: address.path, socket, allowHalfOpen: true })
      : Bun.connect({ hostname: address.host, port: address.port, socket, allowHalfOpen: true }));
    return connection;
  }

  /** The next bytes; undefined once the engine has ended its half. */
  async read(): Promise<Uint8Array | undefined> {
    while (true) {
      const bytes = this.#received.shift();
      if (bytes !== undefined) {
        if (this.#receivedBytes >= pauseAtBytes && this.#receivedBytes - bytes.length < pauseAtBytes)
          this.#socket.resume();
        this.#receivedBytes -= bytes.length;
        return bytes;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return undefined;
      const turn = Promise.withResolvers<void>();
      this.#wakeReader = turn.resolve;
      await turn.promise;
    }
  }

  /** Puts bytes back that were read too far; the next `read` gives them. */
  unread(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#received.unshift(bytes);
    this.#receivedBytes += bytes.length;
  }

  /** Settles once the kernel has taken all of it, or the connection is gone. */
  async write(data: Uint8Array | string): Promise<void> {
    let rest: Uint8Array = typeof data === 'string' ? new TextEncoder().encode(data) : data;
    while (rest.length > 0 && !this.isClosed) {
      const written = this.#socket.write(rest);
      if (written < 0) return;
      rest = rest.subarray(written);
      if (rest.length === 0) return;
      const turn = Promise.withResolvers<void>();
      this.#wakeWriter = turn.resolve;
      await turn.promise;
    }
  }

  /** Ends our half; the engine's half stays open. */
  endWriting(): void {
    if (!this.isClosed) this.#socket.shutdown();
  }

  get isClosed(): boolean {
    return this.#socket.readyState <= 0;
  }

  close(): void {
    this.#end(undefined);
    this.#socket.terminate();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #adopt(socket: Bun.Socket<undefined>): void {
    this.#socket = socket;
  }

  #take(bytes: Uint8Array): void {
    this.#received.push(bytes);
    const before = this.#receivedBytes;
    this.#receivedBytes += bytes.length;
    // A slow terminal or pipe must slow the engine down rather than fill our memory.
    if (before < pauseAtBytes && this.#receivedBytes >= pauseAtBytes) this.#socket.pause();
    this.#wake();
  }

  #end(error: Error | undefined): void {
    this.#ended = true;
    if (error !== undefined) this.#failure ??= error;
    this.#wake();
    this.#drained();
  }

  #wake(): void {
    const wake = this.#wakeReader;
    this.#wakeReader = undefined;
    wake?.();
  }

  #drained(): void {
    const wake = this.#wakeWriter;
    this.#wakeWriter = undefined;
    wake?.();
  }
}

const pauseAtBytes = 4 << 20;
