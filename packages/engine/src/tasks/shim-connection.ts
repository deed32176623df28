import { type Frame, FrameDecoder } from '@gantry/native';
import type { Socket } from 'bun';

export type ShimConnection = Disposable & {
  send(frame: Uint8Array): void;
};

type Listener = { readonly onFrame: (frame: Frame) => void; readonly onClose: () => void };

/** Takes over a connected descriptor: the first control connection of a shim that was just spawned. */
export async function connectFd(fd: number, listener: Listener): Promise<ShimConnection> {
  return connection((socket) => Bun.connect({ fd, socket } as unknown as Parameters<typeof Bun.connect>[0]), listener);
}

/** Connects to a shim's socket by path. @throws the system error when nothing listens there */
export async function connectPath(unix: string, listener: Listener): Promise<ShimConnection> {
  return connection((socket) => Bun.connect({ unix, socket }), listener);
}

type Handler = NonNullable<Parameters<typeof Bun.connect>[0]['socket']>;

async function connection(
  open: (handler: Handler) => Promise<Socket<unknown>>,
  listener: Listener,
): Promise<ShimConnection> {
  const decoder = new FrameDecoder();
  let unsent: Uint8Array[] = [];
  let closed = false;
  const flush = (socket: Socket<unknown>): void => {
    while (unsent[0] !== undefined) {
      const written = socket.write(unsent[0]);
      if (written < unsent[0].byteLength) {
        unsent[0] = unsent[0].subarray(Math.max(written, 0));
        return;
      }
      unsent.shift();
    }
  };
  const onClose = (): void => {
    if (closed) return;
    closed = true;
    listener.onClose();
  };
  const socket = await open({
    data: (_socket, data) => {
      try {
        for (const frame of decoder.push(data)) listener.onFrame(frame);
      } catch {
        // Not a shim's frames: closing is the only safe answer, and the owner learns of it by onClose.
        socket.end();
      }
    },
    drain: flush,
    close: onClose,
    error: onClose,
    connectError: onClose,
  });
  return {
    send: (frame) => {
      if (closed) return;
      unsent.push(frame);
      if (unsent.length === 1) flush(socket);
    },
    [Symbol.dispose]: () => {
      unsent = [];
      socket.end();
    },
  };
}
