import { RegistryError } from '../registry-error.ts';

/** Reads a small body whole. @throws SIZE_INVALID with status 413, before anything is read where the client says how long it is */
export async function readCapped(request: Request, maximumBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(request.headers.get('content-length') ?? 0) > maximumBytes) throw tooLarge(maximumBytes);
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of request.body ?? []) {
    total += chunk.length;
    if (total > maximumBytes) throw tooLarge(maximumBytes);
    parts.push(chunk);
  }
  return Uint8Array.from(Buffer.concat(parts));
}

function tooLarge(maximumBytes: number): RegistryError {
  return new RegistryError('SIZE_INVALID', `the body is larger than ${maximumBytes} bytes`, { status: 413 });
}

/**
 * The body of a request, piece by piece; nothing when it has none.
 *
 * @param signal ends the wait for a client that sends no more
 */
export async function* readBody(request: Request, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (request.body === null) return;
  const reader = request.body.getReader();
  // Ends a read that waits. A race against a promise of the signal would keep every chunk until the last.
  const stop = (): void => void reader.cancel(signal.reason).catch(() => undefined);
  signal.addEventListener('abort', stop, { once: true });
  try {
    for (;;) {
      const next = await reader.read();
      signal.throwIfAborted();
      if (next.done) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    // Whatever still comes is nobody's.
    await reader.cancel().catch(() => undefined);
  }
}
