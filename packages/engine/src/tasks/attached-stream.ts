import { Duplex } from 'node:stream';
import { EngineError } from '@gantry/base';
import { encodeAttach } from '@gantry/native';
import type { Socket } from 'bun';
import type { AttachStreams } from './types.ts';

/** Where the shim is met: a descriptor that was handed to it at its spawn, or its socket. */
export type ShimAddress = { readonly fd: number } | { readonly unix: string };

type Handler = NonNullable<Parameters<typeof Bun.connect>[0]['socket']>;

/**
 * Attaches to a process's streams: reads are its output, writes its stdin, `end()` its end of input. Both directions wait
 * for a slow other side.
 *
 * The request is on its way when this returns, so a START that is sent afterwards finds the client attached.
 *
 * @throws unavailable when no shim is there
 */
export async function attachTo(address: ShimAddress, streams: AttachStreams): Promise<Duplex> {
  const stream = new AttachedStream();
  try {
    await stream.open(address);
  } catch (cause) {
    throw new EngineError('unavailable', 'cannot attach to the process: its shim is gone', { cause });
  }
  stream.write(encodeAttach(streams));
  return stream;
}

/** Bun takes over descriptors only as its own sockets; the rest of the engine speaks in streams. */
class AttachedStream extends Duplex {
  #socket: Socket<unknown> | undefined;
  #ended = false;
  #unsent: { rest: Uint8Array; readonly done: (error?: Error | null) => void } | undefined;

  constructor() {
    super({ allowHalfOpen: true });
  }

  async open(address: ShimAddress): Promise<void> {
    const socket: Handler = {
      binaryType: 'buffer',
      // The bytes are Bun's own: they are good only until the handler returns.
      data: (source, chunk) => {
        if (!this.push(Buffer.from(chunk))) source.pause();
      },
      drain: () => this.#flush(),
      end: () => this.#outputEnded(),
      close: () => this.#closed(),
      error: (_socket, error) => {
        this.destroy(error);
      },
    };
    const options = { ...address, allowHalfOpen: true, socket };
    this.#socket = await Bun.connect(options as unknown as Parameters<typeof Bun.connect>[0]);
  }

  override _read(): void {
    this.#socket?.resume();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#unsent = { rest: chunk, done };
    this.#flush();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket?.shutdown();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket?.terminate();
    done(error);
  }

  #flush(): void {
    if (this.#unsent === undefined || this.#socket === undefined) return;
    const { rest, done } = this.#unsent;
    const written = this.#socket.write(rest);
    if (written < rest.byteLength) {
      this.#unsent = { rest: rest.subarray(Math.max(written, 0)), done };
      return;
    }
    this.#unsent = undefined;
    done();
  }

  #outputEnded(): void {
    if (!this.#ended) this.push(null);
    this.#ended = true;
  }

  #closed(): void {
    this.#outputEnded();
    const unsent = this.#unsent;
    this.#unsent = undefined;
    // A process that ended without reading its input has not failed.
    unsent?.done();
  }
}
