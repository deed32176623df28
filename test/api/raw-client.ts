import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A connection that sends exactly the bytes it is told and collects what comes back. */
export class RawClient implements Disposable {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  #bytesReceived = 0;
  #ended = false;
  #wake = Promise.withResolvers<void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    const wake = (): void => {
      this.#wake.resolve();
      this.#wake = Promise.withResolvers<void>();
    };
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#bytesReceived += chunk.length;
      wake();
    });
    const end = (): void => {
      this.#ended = true;
      wake();
    };
    socket.on('end', end);
    socket.on('close', end);
    socket.on('error', end);
  }

  static async connect(path: string): Promise<RawClient> {
    const socket = connect({ path, allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  get text(): string {
    const all = Buffer.concat(this.#chunks);
    this.#chunks.splice(0, this.#chunks.length, all);
    return all.toString('latin1');
  }

  get ended(): boolean {
    return this.#ended;
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  send(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Ends this side only. */
  halfClose(): void {
    this.#socket.end();
  }

  /** Stops reading, as a slow client does. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Waits until the text holds `part`, `times` times. @throws with what came instead when the server ends before */
  async until(part: string, times = 1): Promise<string> {
    while (this.text.split(part).length - 1 < times) {
      if (this.#ended) throw new Error(`the server ended before ${JSON.stringify(part)}: ${JSON.stringify(this.text)}`);
      await this.#wake.promise;
    }
    return this.text;
  }

  /** Everything up to the server's end. */
  async untilEnd(): Promise<string> {
    await this.end();
    return this.text;
  }

  /** Waits for the server's end without looking at what came. */
  async end(): Promise<void> {
    while (!this.#ended) await this.#wake.promise;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

/** The parts of a text answer with one body. */
export function splitAnswer(text: string): { status: number; headers: Readonly<Record<string, string>>; body: string } {
  const end = text.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { status: Number(statusLine.split(' ')[1]), headers: Object.fromEntries(headers), body: text.slice(end + 4) };
}
