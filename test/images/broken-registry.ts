import type { MadeImage } from './made-image.ts';

/** How a registry that fails on purpose sends a blob. */
export type Serve = (bytes: Uint8Array, request: Request) => Response | Promise<Response>;

/** A registry with one image that serves layers as it is told: breaking off, stalling, lying. */
export function startBrokenRegistry(
  image: MadeImage,
  serveLayer: Serve,
): { host: string; requests: string[] } & Disposable {
  const requests: string[] = [];
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    // Bodies that fail on purpose are no news.
    error: () => new Response('', { status: 500 }),
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      requests.push(
        `${pathname.replace(/.*(manifests|blobs)/, '$1').slice(0, 24)} ${request.headers.get('range') ?? ''}`.trim(),
      );
      if (pathname.includes('/manifests/')) {
        return new Response(image.manifest.bytes, { headers: { 'content-type': image.manifest.mediaType } });
      }
      if (pathname.endsWith(image.config.digest)) return new Response(image.config.bytes);
      const layer = image.layers.find(({ digest }) => pathname.endsWith(digest));
      return layer === undefined ? new Response('', { status: 200 }) : serveLayer(layer.bytes, request);
    },
  });
  return { host: `127.0.0.1:${server.port}`, requests, [Symbol.dispose]: () => void server.stop(true) };
}

/** A body that ends after so many bytes, as if the connection broke. */
export function breaking(bytes: Uint8Array, after: number): Response {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      if (sent >= after) {
        // What was sent is to arrive: an error drops what still waits.
        await Bun.sleep(50);
        return controller.error(new Error('broken on purpose'));
      }
      const chunk = bytes.subarray(sent, Math.min(sent + 65536, after));
      sent += chunk.length;
      controller.enqueue(chunk);
    },
  });
  return new Response(body);
}

/** A body from where the request wants it on. */
export function ranged(bytes: Uint8Array, request: Request): Response {
  const from = /^bytes=(\d+)-$/.exec(request.headers.get('range') ?? '')?.[1];
  return from === undefined ? new Response(bytes) : new Response(bytes.subarray(Number(from)), { status: 206 });
}
