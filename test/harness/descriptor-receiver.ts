import { rmSync } from 'node:fs';
import {
  bind,
  close,
  listen,
  recvmsg,
  socket,
  socketFamily,
  socketType,
  trySyscall,
  unixAddress,
} from '../../packages/native/src/index.ts';
import { waitFor } from './wait-for.ts';

const [nonBlockingAndCloseOnExec, again] = [0o2004000, -11];

/** Listens on a unix socket for one descriptor, as a caller of an OCI runtime does. */
export class DescriptorReceiver implements Disposable {
  readonly #listener = socket(socketFamily.unix, socketType.stream, { nonBlocking: true });

  readonly path: string;

  constructor(path: string) {
    this.path = path;
    bind(this.#listener, unixAddress(path));
    listen(this.#listener, 1);
  }

  /** Waits for the descriptor and the text that comes with it. The caller closes the descriptor. */
  async receive(): Promise<{ readonly fd: number; readonly text: string }> {
    const connection = await waitFor('a connection', () => {
      const accepted = trySyscall('accept4', this.#listener, null, null, nonBlockingAndCloseOnExec);
      return accepted === again ? undefined : accepted;
    });
    try {
      const message = { bytes: new Uint8Array(64), control: new Uint8Array(24) };
      const got = await waitFor('a descriptor', () => recvmsg(connection, message));
      return {
        fd: new DataView(message.control.buffer).getInt32(16, true),
        text: new TextDecoder().decode(message.bytes.subarray(0, got.length)),
      };
    } finally {
      close(connection);
    }
  }

  [Symbol.dispose](): void {
    close(this.#listener);
    rmSync(this.path, { force: true });
  }
}
