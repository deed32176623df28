import { closeSync, openSync, readSync } from 'node:fs';

/** What a thread is asked: pack this part of that file. */
export type PackRequest = { readonly path: string; readonly offset: number; readonly sizeBytes: number };

export type PackReply =
  | { readonly kind: 'packed'; readonly member: Uint8Array }
  | { readonly kind: 'failed'; readonly message: string };

/** The entry of a worker thread: one reply a request, in their order. */
const port = globalThis as unknown as {
  onmessage: (event: MessageEvent<PackRequest>) => void;
  postMessage: (reply: PackReply, transfer?: readonly ArrayBuffer[]) => void;
};

/**
 * Twice as fast as what is as small as zlib's level 6, and a twentieth larger; a push waits for it on all but slow lines.
 * Only Bun has this library, and only synchronously.
 */
const options = { library: 'libdeflate', level: 1 } as const;

function readPart({ path, offset, sizeBytes }: PackRequest): Uint8Array<ArrayBuffer> {
  const part = new Uint8Array(sizeBytes);
  const fd = openSync(path, 'r');
  using _fd = { [Symbol.dispose]: () => closeSync(fd) };
  for (let done = 0; done < sizeBytes; ) {
    const bytesRead = readSync(fd, part, done, sizeBytes - done, offset + done);
    if (bytesRead === 0) throw new Error(`${path} is shorter than it was`);
    done += bytesRead;
  }
  return part;
}

port.onmessage = ({ data }) => {
  try {
    const member = Bun.gzipSync(readPart(data), options);
    port.postMessage({ kind: 'packed', member }, [member.buffer]);
  } catch (error) {
    port.postMessage({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
};
