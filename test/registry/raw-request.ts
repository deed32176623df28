/** Bytes sent as they are, for what no HTTP client would send. */
export type RawRequest = Disposable & {
  write(text: string | Uint8Array): void;
  /** Ends our side without a word, as a dying machine does. */
  cut(): void;
  /** Everything received until the server closed the connection. */
  readonly closed: Promise<string>;
};

export async function openRaw(url: string): Promise<RawRequest> {
  const { hostname, port } = new URL(url);
  const closed = Promise.withResolvers<string>();
  let received = '';
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data: (_socket, bytes) => {
        received += bytes.toString();
      },
      close: () => closed.resolve(received),
      error: () => closed.resolve(received),
    },
  });
  return {
    write: (text) => void socket.write(text),
    cut: () => socket.terminate(),
    closed: closed.promise,
    [Symbol.dispose]: () => socket.terminate(),
  };
}
