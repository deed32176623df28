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

/** The body of a request as a stream; an empty one when it has none. */
export function bodyOf(request: Request): AsyncIterable<Uint8Array> {
  return request.body ?? new Blob([]).stream();
}
