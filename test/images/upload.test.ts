import { expect, setDefaultTimeout, test } from 'bun:test';
import { createHash, randomBytes } from 'node:crypto';
import { parseDigest, parseReference } from '@gantry/oci';
import { anonymous, type BlobToSend, type Destination, noProxies, openDestination } from '@gantry/registry';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

const never = new AbortController().signal;
const registries = { insecure: [], mirrors: [], configDirs: [], proxies: noProxies };
const bytes = randomBytes(20 * 2 ** 20);
const digest = parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
const blob: BlobToSend = {
  digest,
  sizeBytes: bytes.length,
  read: async function* (start, end) {
    for (let at = start; at < end; at += 65536) yield bytes.subarray(at, Math.min(end, at + 65536));
  },
};

type Faults = {
  /** Keeps so many bytes of a PATCH and then ends the connection; each once. */
  readonly breakAfter?: number[];
  /** Answers that come before anything is done; each once, by method. */
  readonly refuse?: { method: string; response: Response }[];
  /** Takes no more in one PATCH. */
  readonly largest?: number;
  /** Forgets uploads that broke off, as some do. */
  readonly forgets?: boolean;
  /** Where uploads go on; the registry itself when not given. */
  readonly uploadHost?: string;
};

type Stand = { readonly host: string; readonly seen: string[]; readonly stored: Map<string, Buffer> } & Disposable;

/** A registry that takes blobs and fails on purpose: it can keep half of an upload, which Debian's does not. */
function startFaultyRegistry(faults: Faults): Stand {
  const seen: string[] = [];
  const stored = new Map<string, Buffer>();
  let upload: Buffer | undefined = Buffer.alloc(0);
  const located = (): Record<string, string> => ({
    location: `http://${faults.uploadHost ?? host}/v2/app/blobs/uploads/1`,
    range: `0-${Math.max(0, (upload?.length ?? 0) - 1)}`,
  });
  const take = async (request: Request): Promise<Response> => {
    const limit = faults.breakAfter?.shift();
    const length = Number(request.headers.get('content-length'));
    if (length > (faults.largest ?? Number.POSITIVE_INFINITY)) return new Response('', { status: 413 });
    let taken = 0;
    for await (const chunk of request.body ?? []) {
      const room = limit === undefined ? chunk.length : Math.min(chunk.length, limit - taken);
      upload = Buffer.concat([upload ?? Buffer.alloc(0), chunk.subarray(0, room)]);
      taken += room;
      if (taken === limit) {
        if (faults.forgets) upload = undefined;
        return new Response('', { status: 500, headers: { connection: 'close' } });
      }
    }
    return new Response('', { status: 202, headers: located() });
  };
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    maxRequestBodySize: 2 ** 40,
    fetch: async (request) => {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === '/v2/') return new Response('');
      const range = request.headers.get('content-range') ?? '';
      seen.push(`${request.method} ${range} ${request.headers.get('authorization') ?? ''}`.trim());
      const refusal = faults.refuse?.findIndex(({ method }) => method === request.method) ?? -1;
      if (refusal >= 0) return faults.refuse?.splice(refusal, 1)[0]?.response ?? new Response('');
      switch (request.method) {
        case 'HEAD':
          return new Response('', { status: stored.has(pathname.split('/').at(-1) ?? '') ? 200 : 404 });
        case 'POST':
          upload = Buffer.alloc(0);
          return new Response('', { status: 202, headers: located() });
        case 'PATCH':
          return await take(request);
        case 'GET':
          return new Response(null, { status: upload === undefined ? 404 : 204, headers: located() });
        default:
          stored.set(searchParams.get('digest') ?? '', upload ?? Buffer.alloc(0));
          return new Response('', { status: 201 });
      }
    },
  });
  const host = `127.0.0.1:${server.port}`;
  return { host, seen, stored, [Symbol.dispose]: () => void server.stop(true) };
}

const alice = { ...anonymous, username: 'alice', password: 'secret' };
const open = (host: string, credentials = anonymous): Destination =>
  openDestination(parseReference(`${host}/app`), { credentials, registries });

async function send(registry: Stand): Promise<void> {
  await open(registry.host).sendBlob(blob, () => undefined, never);
  expect(registry.stored.get(digest)?.equals(bytes)).toBe(true);
}

test('an upload that breaks off goes on behind what the registry kept', async () => {
  using registry = startFaultyRegistry({ breakAfter: [5_000_000, 7_000_000] });
  await send(registry);
  const rest = bytes.length - 1;
  expect(registry.seen.filter((line) => line.startsWith('PATCH'))).toEqual([
    'PATCH',
    `PATCH 5000000-${rest}`,
    `PATCH 12000000-${rest}`,
  ]);
  expect(registry.seen.filter((line) => line.startsWith('POST')).length).toBe(1);
});

test('an upload that the registry forgot begins anew', async () => {
  using registry = startFaultyRegistry({ breakAfter: [5_000_000], forgets: true });
  await send(registry);
  expect(registry.seen.filter((line) => line.startsWith('POST')).length).toBe(2);
});

test('a registry that finds the whole too large gets it in chunks', async () => {
  using registry = startFaultyRegistry({ largest: 8 * 2 ** 20 });
  await send(registry);
  const mebi = 2 ** 20;
  expect(registry.seen.filter((line) => line.startsWith('PATCH')).slice(1)).toEqual([
    `PATCH 0-${8 * mebi - 1}`,
    `PATCH ${8 * mebi}-${16 * mebi - 1}`,
    `PATCH ${16 * mebi}-${20 * mebi - 1}`,
  ]);
});

test('a busy registry is asked again, whatever it was asked', async () => {
  const busy = (status: number): Response => new Response('', { status, headers: { 'retry-after': '0' } });
  const refuse = ['POST', 'PATCH', 'PUT'].map((method) => ({ method, response: busy(429) }));
  using registry = startFaultyRegistry({ refuse: [...refuse, { method: 'POST', response: busy(503) }] });
  await send(registry);
  expect(registry.seen).toEqual(['POST', 'POST', 'POST', 'PATCH', 'GET', 'PATCH', 'PUT', 'PUT']);
});

test('a refusal is told in the words of the registry, at once', async () => {
  const response = Response.json(
    { errors: [{ code: 'DENIED', message: 'requested access to the resource is denied' }] },
    { status: 403 },
  );
  using registry = startFaultyRegistry({ refuse: [{ method: 'POST', response }] });
  await expect(send(registry)).rejects.toMatchObject({
    code: 'denied',
    message: 'denied: requested access to the resource is denied',
    hint: `log in to the registry: docker login ${registry.host}`,
  });
  expect(registry.seen).toEqual(['POST']);
});

test('a registry that always breaks off is given up', async () => {
  using registry = startFaultyRegistry({ breakAfter: [0, 0, 0, 0, 0, 0, 0, 0] });
  await expect(send(registry)).rejects.toMatchObject({ code: 'unavailable' });
});

test('an upload that goes on at another host takes no credentials there', async () => {
  using store = startFaultyRegistry({});
  const wants = new Response('', { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } });
  using registry = startFaultyRegistry({
    uploadHost: store.host,
    refuse: [{ method: 'POST', response: wants }],
  });
  await open(registry.host, alice).sendBlob(blob, () => undefined, never);
  expect(registry.seen.at(-1)).toStartWith('POST  Basic ');
  expect(store.seen).toEqual(['PATCH', 'PUT']);
});
