import { expect, setDefaultTimeout, test } from 'bun:test';
import { createServer } from 'node:http';
import { parseReference } from '@gantry/oci';
import { anonymous, type Credentials, noProxies, openRepositories, type Repository } from '@gantry/registry';
import { openImageRooms } from './image-rooms.ts';
import { makeImage, makeLayer, makeTar } from './made-image.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

type Handler = (request: Request, url: URL) => Response | undefined | Promise<Response>;
type Stand = { readonly host: string; readonly seen: string[] } & Disposable;

const never = new AbortController().signal;
const alice: Credentials = { ...anonymous, username: 'alice', password: 'secret' };
const basic = `Basic ${Buffer.from('alice:secret').toString('base64')}`;
const image = makeImage([makeLayer(makeTar([{ kind: 'file', path: 'f', text: 'x' }]))]);

/** A registry that answers as it is told, and remembers which credentials came with which request. */
function stand(handle: Handler, at: { hostname: string; port: number } = { hostname: '127.0.0.1', port: 0 }): Stand {
  const seen: string[] = [];
  const server = Bun.serve({
    ...at,
    fetch: async (request) => {
      const url = new URL(request.url);
      if (url.pathname !== '/v2/')
        seen.push(`${request.method} ${url.pathname} ${request.headers.get('authorization') ?? '-'}`);
      return (await handle(request, url)) ?? new Response('', { status: 404 });
    },
  });
  return { host: `${at.hostname}:${server.port}`, seen, [Symbol.dispose]: () => void server.stop(true) };
}

/** A registry whose answers end in their midst, but for one of them. */
async function breakingOff(isRight: number): Promise<{ readonly host: string } & Disposable> {
  const { bytes, mediaType } = image.manifest;
  let asked = 0;
  const server = createServer((_, answer) => {
    answer.writeHead(200, { 'content-type': mediaType, 'content-length': bytes.length });
    if (++asked === isRight) answer.end(bytes);
    else answer.write(bytes.subarray(0, 20), () => answer.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    host: `127.0.0.1:${port}`,
    [Symbol.dispose]: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const manifest = (): Response =>
  new Response(image.manifest.bytes, { headers: { 'content-type': image.manifest.mediaType } });
const challenge = (text: string): Response => new Response('', { status: 401, headers: { 'www-authenticate': text } });
const registries = { insecure: [], mirrors: [], configDirs: [], proxies: noProxies };

function open(host: string, credentials: Credentials): Repository {
  const [repository] = openRepositories(parseReference(`${host}/team/app`), { credentials, registries });
  if (repository === undefined) throw new Error('unreachable: there is always the registry itself');
  return repository;
}

test('a bearer token is fetched for the scope, used, and kept', async () => {
  using registry = stand((request, url) => {
    if (url.pathname === '/token')
      return Response.json({ token: `for-${url.searchParams.get('scope')}`, expires_in: 300 });
    if (request.headers.get('authorization') === 'Bearer for-repository:team/app:pull') return manifest();
    return challenge(`Bearer realm="http://${registry.host}/token",service="here",scope="repository:team/app:pull"`);
  });
  const repository = open(registry.host, alice);
  await repository.fetchManifest('latest', never);
  await repository.fetchManifest('latest', never);
  expect(registry.seen).toEqual([
    'GET /v2/team/app/manifests/latest -',
    `GET /token ${basic}`,
    'GET /v2/team/app/manifests/latest Bearer for-repository:team/app:pull',
    'GET /v2/team/app/manifests/latest Bearer for-repository:team/app:pull',
  ]);
});

test('an identity token is exchanged in a form, never put into a URL', async () => {
  let form = '';
  using registry = stand((request, url) => {
    if (url.pathname === '/token') {
      return request.text().then((text) => {
        form = text;
        return Response.json({ access_token: 'granted' });
      });
    }
    return request.headers.get('authorization') === 'Bearer granted'
      ? manifest()
      : challenge(`Bearer realm="http://${registry.host}/token"`);
  });
  await open(registry.host, { ...anonymous, identityToken: 'refresh-me' }).fetchManifest('latest', never);
  expect(registry.seen[1]).toBe('POST /token -');
  expect(form).toContain('grant_type=refresh_token');
  expect(form).toContain('refresh_token=refresh-me');
});

test('name and password go to a host that asks for them, and without them the error says what to do', async () => {
  using registry = stand((request) =>
    request.headers.get('authorization') === basic ? manifest() : challenge('Basic realm="r"'),
  );
  await open(registry.host, alice).fetchManifest('latest', never);
  await expect(open(registry.host, anonymous).fetchManifest('latest', never)).rejects.toMatchObject({
    code: 'denied',
    message: expect.stringContaining('no basic auth credentials'),
    hint: `log in to the registry: docker login ${registry.host}`,
  });
});

test('credentials are not sent to a realm over plain http on another host', async () => {
  using thief = stand(() => Response.json({ token: 'x' }));
  using registry = stand(() => challenge(`Bearer realm="http://${thief.host}/token"`));
  await expect(open(registry.host, alice).fetchManifest('latest', never)).rejects.toMatchObject({ code: 'denied' });
  expect(thief.seen).toEqual([]);
});

test('a registry whose port is the usual one, and is named all the same, gets its credentials', async () => {
  // Of its own: all of 127.0.0.0/8 is this machine.
  const hostname = `127.83.${process.pid & 255}.${1 + ((process.pid >> 8) % 254)}`;
  using registry = stand(
    (request) => (request.headers.get('authorization') === basic ? manifest() : challenge('Basic realm="r"')),
    { hostname, port: 80 },
  );
  await open(`${hostname}:80`, alice).fetchManifest('latest', never);
  expect(registry.seen).toEqual(['GET /v2/team/app/manifests/latest -', `GET /v2/team/app/manifests/latest ${basic}`]);
});

test('a manifest that broke off is asked for again, and at last it is told in plain words', async () => {
  for (const [isRight, isToldOf] of [
    [2, undefined],
    [1000, 'it broke off'],
  ] as const) {
    using registry = await breakingOff(isRight);
    const fetching = open(registry.host, anonymous).fetchManifest('latest', never);
    if (isToldOf === undefined) expect((await fetching).bytes).toEqual(Buffer.from(image.manifest.bytes));
    else
      await expect(fetching).rejects.toMatchObject({
        code: 'unavailable',
        message: `cannot read manifest from ${registry.host}: ${isToldOf}`,
      });
  }
});

test('a token service that redirects gets no credentials sent along', async () => {
  using thief = stand(() => Response.json({ token: 'x' }));
  using registry = stand((_, url) =>
    url.pathname === '/token'
      ? Response.redirect(`http://${thief.host}/token`)
      : challenge(`Bearer realm="http://${registry.host}/token"`),
  );
  await expect(open(registry.host, alice).fetchManifest('latest', never)).rejects.toMatchObject({ code: 'denied' });
  expect(thief.seen).toEqual([]);
});

test('a blob is fetched from where the registry redirects, without credentials', async () => {
  const [layer] = image.layers;
  if (layer === undefined) throw new Error('unreachable: it has a layer');
  using store = stand(() => new Response(layer.bytes));
  using registry = stand((request, url) => {
    if (request.headers.get('authorization') !== basic) return challenge('Basic realm="r"');
    return url.pathname.includes('/blobs/') ? Response.redirect(`http://${store.host}/signed?key=1`, 307) : manifest();
  });
  const bytes = await open(registry.host, alice).fetchBlob(
    { digest: layer.digest as never, sizeBytes: layer.bytes.length },
    1e6,
    never,
  );
  expect(bytes).toEqual(Buffer.from(layer.bytes));
  expect(store.seen).toEqual(['GET /signed -']);
});

test('a challenge from where a redirect led is answered with nothing', async () => {
  const [layer] = image.layers;
  if (layer === undefined) throw new Error('unreachable: it has a layer');
  const blob = { digest: layer.digest as never, sizeBytes: layer.bytes.length };
  using thief = stand(() => challenge(`Bearer realm="http://${thief.host}/token"`));
  using beggar = stand(() => challenge('Basic realm="r"'));
  for (const other of [thief, beggar]) {
    using registry = stand((_, url) => Response.redirect(`http://${other.host}${url.pathname}`, 307));
    await expect(open(registry.host, alice).fetchBlob(blob, 1e6, never)).rejects.toMatchObject({ code: 'not-found' });
    expect(other.seen).toEqual([`GET /v2/team/app/blobs/${layer.digest} -`]);
  }
});

test('redirects that do not end are given up', async () => {
  using registry = stand((_, url) => Response.redirect(`http://${registry.host}${url.pathname}`, 302));
  await expect(open(registry.host, anonymous).fetchManifest('latest', never)).rejects.toThrow('redirects in circles');
});

test('what a registry sends is believed only when it has the digest that was asked for', async () => {
  using registry = stand(() => manifest());
  const repository = open(registry.host, anonymous);
  const other = `sha256:${'0'.repeat(64)}`;
  await expect(repository.fetchManifest(other, never)).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringContaining('the registry sent other bytes'),
  });
  const { digest } = await repository.fetchManifest('latest', never);
  expect(digest as string).toBe(image.manifest.digest);
});

test('bodies without end are cut off', async () => {
  const endless = (): Response =>
    new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65536)) }));
  using registry = stand((_, url) =>
    url.pathname === '/token' ? endless() : url.pathname.includes('manifests') ? endless() : undefined,
  );
  await expect(open(registry.host, anonymous).fetchManifest('latest', never)).rejects.toThrow(
    'more than 4194304 bytes',
  );
});

test("refusals are told in Docker's words", async () => {
  const error = (status: number, code: string, message: string): Response =>
    Response.json({ errors: [{ code, message }] }, { status });
  const rows: readonly (readonly [() => Response, object])[] = [
    [
      () => error(403, 'DENIED', 'requested access to the resource is denied'),
      {
        code: 'not-found',
        message: expect.stringMatching(
          /^pull access denied for .*team\/app, repository does not exist or may require 'docker login': denied: requested access to the resource is denied$/,
        ),
      },
    ],
    [
      () => error(404, 'NAME_UNKNOWN', 'repository name not known to registry'),
      { message: expect.stringContaining('not found: name unknown: repository name not known to registry') },
    ],
    [
      () => new Response('<html>', { status: 404 }),
      { code: 'not-found', message: expect.stringContaining('manifest unknown') },
    ],
    [
      () => new Response('', { status: 418 }),
      { code: 'unavailable', message: expect.stringContaining('received unexpected HTTP status: 418') },
    ],
  ];
  for (const [answer, expected] of rows) {
    using registry = stand(answer);
    await expect(open(registry.host, anonymous).fetchManifest('latest', never)).rejects.toMatchObject(expected);
  }
});

test('a registry that is not loopback is never spoken to in plain http', async () => {
  const repository = open('registry.invalid', alice);
  await expect(repository.fetchManifest('latest', never)).rejects.toMatchObject({
    message: expect.stringContaining('Get "https://registry.invalid/v2/"'),
  });
});

test('a mirror of Docker Hub is asked first, and gets no credentials', async () => {
  const blob = [image.config, ...image.layers];
  using mirror = stand((_, url) => {
    const found = blob.find(({ digest }) => url.pathname.endsWith(digest));
    return found === undefined ? manifest() : new Response(found.bytes);
  });
  using rooms = openImageRooms(undefined, { mirrors: [`http://${mirror.host}`] });
  const request = { reference: 'busybox', allTags: false, platform: '', auth: { ...alice, serverAddress: '' } };
  await rooms.images.pull(request, () => undefined, never);
  expect(rooms.images.get('busybox').tags).toEqual(['busybox:latest']);
  expect(mirror.seen.every((line) => line.endsWith(' -'))).toBe(true);
});
