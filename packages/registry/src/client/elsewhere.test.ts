import { expect, test } from 'bun:test';
import { parseDigest } from '@gantry/oci';
import { readElsewhere } from './elsewhere.ts';
import { noProxies } from './proxy.ts';

const digest = parseDigest(`sha256:${'a'.repeat(64)}`);

async function read(urls: readonly string[], domain: string): Promise<string> {
  const parts: Uint8Array[] = [];
  const blob = { digest, sizeBytes: 5, offset: 0, urls };
  const from = { registries: { proxies: noProxies }, reference: { domain } };
  for await (const chunk of readElsewhere(blob, from, new AbortController().signal)) parts.push(chunk);
  return Buffer.concat(parts).toString();
}

function serve(
  answer: (request: Request) => Response,
): Disposable & { readonly url: string; readonly seen: string[][] } {
  const seen: string[][] = [];
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request) => {
      seen.push([...request.headers.keys()].sort());
      return answer(request);
    },
  });
  return { url: server.url.href, seen, [Symbol.dispose]: () => void server.stop(true) };
}

test.each([
  ['http://169.254.169.254/latest/meta-data', 'localhost:5000'],
  ['http://[fe80::1]/', 'localhost:5000'],
  ['http://[::ffff:169.254.169.254]/', 'localhost:5000'],
  ['http://127.0.0.1:1/', 'registry.example'],
  ['http://2130706433:1/', 'registry.example'],
  ['http://localhost:1/', 'registry.example'],
  ['http://[::1]:1/', 'registry.example:5000'],
  ['http://0.0.0.0:1/', 'registry.example'],
])('an image of %p on %p sends nobody there', async (url, domain) => {
  await expect(read([url], domain)).rejects.toThrow('an image cannot send anybody to');
});

test.each(['file:///etc/passwd', 'http://user:secret@127.0.0.1/', 'nonsense', 'ftp://127.0.0.1/'])(
  '%p is not fetched',
  async (url) => {
    await expect(read([url], 'localhost:5000')).rejects.toThrow('only http and https URLs without a password');
  },
);

test('a redirect is followed by the same rules, with nothing of ours', async () => {
  using target = serve(() => new Response('hello'));
  using source = serve(() => Response.redirect(target.url, 302));
  expect(await read([source.url], 'localhost:5000')).toBe('hello');
  expect(target.seen[0]).toEqual(['accept', 'accept-encoding', 'connection', 'host', 'user-agent']);
  using evil = serve(() => Response.redirect('http://169.254.169.254/', 302));
  await expect(read([evil.url], 'localhost:5000')).rejects.toThrow('an image cannot send anybody to 169.254.169.254');
});

test('who breaks off is followed by the next, and who sends more is refused', async () => {
  using short = serve(() => new Response('he'));
  using ranged = serve((request) => {
    const start = Number(/bytes=(\d+)-/.exec(request.headers.get('range') ?? '')?.[1] ?? 0);
    return new Response('hello'.slice(start), { status: start > 0 ? 206 : 200 });
  });
  using long = serve(() => new Response('hello and more'));
  using gone = serve(() => new Response('', { status: 404 }));
  expect(await read([gone.url, short.url, ranged.url], 'localhost:5000')).toBe('hello');
  await expect(read([long.url], 'localhost:5000')).rejects.toThrow('larger than its stated 5 bytes');
  await expect(read([gone.url], 'localhost:5000')).rejects.toThrow(
    /cannot fetch layer .*: 127\.0\.0\.1:\d+: it answered 404/,
  );
});
