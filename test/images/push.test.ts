import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalRegistry, startLocalRegistry } from '../../tools/local-registry.ts';
import { busyboxRootTar } from '../harness/busybox-image.ts';
import { type ClientName, startEngine, type TestEngine } from '../harness/engine.ts';
import { jsonBlob, makeImage, makeIndex, makeLayer, makeTar, pushImage, pushManifest } from './made-image.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

let engine: TestEngine;
let registry: LocalRegistry;
let storage: string;
const clients: readonly ClientName[] = ['docker', 'gantry'];

beforeAll(async () => {
  storage = mkdtempSync(join(tmpdir(), 'gantry-registry-'));
  registry = await startLocalRegistry(storage);
  engine = await startEngine();
});
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
  rmSync(storage, { recursive: true });
});

const manifestTypes =
  'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';

async function manifestOf(name: string, tag: string): Promise<{ digest: string; type: string; document: Manifest }> {
  const url = `http://${registry.host}/v2/${name}/manifests/${tag}`;
  const response = await fetch(url, { headers: { accept: manifestTypes } });
  const document = (await response.json()) as Manifest;
  return {
    digest: response.headers.get('docker-content-digest') ?? '',
    type: response.headers.get('content-type') ?? '',
    document,
  };
}
type Manifest = { layers: { mediaType: string; digest: string; size: number }[]; config: { digest: string } };

const layer = 'fe2a9c88f62b'.replace(/./g, '[0-9a-f]');
const done = (tag: string): string => `${tag}: digest: sha256:[0-9a-f]{64} size: [0-9]+`;
const lines = (...expected: string[]): RegExp => new RegExp(`^${expected.join('\n')}$`);

test.each(clients)(
  '%s push sends what is missing, finds what is there, and mounts what another repository has',
  async (client) => {
    const name = `${registry.host}/${client}`;
    const tar = makeTar([{ kind: 'file', path: 'who', text: client }]);
    await engine.output('docker', ['import', '-', `${name}/app:v1`], { stdin: tar });
    await engine.output('docker', ['tag', `${name}/app:v1`, `${name}/app:v2`]);
    await engine.output('docker', ['tag', `${name}/app:v1`, `${name}/other`]);
    const refers = (repository: string): string => `The push refers to repository \\[${name}/${repository}\\]`;
    expect(await engine.output(client, ['push', `${name}/app:v1`])).toMatch(
      lines(refers('app'), `${layer}: Preparing`, `${layer}: Pushed`, done('v1')),
    );
    expect(await engine.output(client, ['image', 'push', `${name}/app:v1`])).toMatch(
      lines(refers('app'), `${layer}: Preparing`, `${layer}: Layer already exists`, done('v1')),
    );
    expect(await engine.output(client, ['push', `${name}/other`])).toMatch(
      lines(
        'Using default tag: latest',
        refers('other'),
        `${layer}: Preparing`,
        `${layer}: Mounted from ${client}/app`,
        done('latest'),
      ),
    );
    expect(await engine.output(client, ['push', '--all-tags', `${name}/app`])).toMatch(
      lines(
        refers('app'),
        ...['v1', 'v2'].flatMap((tag) => [`${layer}: Preparing`, `${layer}: Layer already exists`, done(tag)]),
      ),
    );
    expect(await engine.output(client, ['push', '--quiet', `${name}/other`])).toBe(`${name}/other:latest`);
    const pushed = await manifestOf(`${client}/app`, 'v2');
    expect(pushed.type).toBe('application/vnd.docker.distribution.manifest.v2+json');
    expect(await engine.output(client, ['inspect', '-f', '{{index .RepoDigests 0}}', `${name}/app:v1`])).toBe(
      `${name}/app@${pushed.digest}`,
    );
    expect(pushed.document.layers.map(({ mediaType }) => mediaType)).toEqual([
      'application/vnd.docker.image.rootfs.diff.tar.gzip',
    ]);
  },
);

test.each(clients)("%s push refuses in Docker's words", async (client) => {
  const name = `${registry.host}/refused`;
  await engine.output('docker', ['tag', 'busybox', `${name}:there`]);
  const nowhere = `${registry.host}/nowhere`;
  const rows: readonly (readonly [argv: readonly string[], stderr: string])[] = [
    [[nowhere], `An image does not exist locally with the tag: ${nowhere}`],
    [[`${name}:nope`], `tag does not exist: ${name}:nope: there is ${name}:there`],
    [['-a', `${name}:there`], "tag can't be used with --all-tags/-a"],
    [[`${name}@sha256:${'0'.repeat(64)}`], 'cannot push a digest reference'],
    [
      ['--platform', 'linux/arm64', `${name}:there`],
      `Error response from daemon: image with reference ${name}:there was found but its platform (linux/amd64) does not match the specified platform (linux/arm64): it is here for linux/amd64; get another with: pull --platform linux/arm64 ${name}:there`,
    ],
  ];
  for (const [argv, stderr] of rows) {
    const result = await engine.run(client, ['push', ...argv]);
    expect([result.stderr.trim(), result.exitCode]).toEqual([stderr, 1]);
  }
});

test('the stream of a push ends with a document for programs', async () => {
  await engine.output('docker', ['tag', 'busybox', `${registry.host}/stream:v1`]);
  const text = await (await engine.api('POST', `/images/${registry.host}/stream/push?tag=v1`)).text();
  const documents = text
    .trim()
    .split(/\r?\n/)
    .map((line) => JSON.parse(line) as { id?: string; status?: string });
  const { digest, document } = await manifestOf('stream', 'v1');
  const size = JSON.stringify(document, undefined, 3).length;
  expect(documents[0]).toEqual({ status: `The push refers to repository [${registry.host}/stream]` });
  expect(documents.slice(-2)).toEqual([
    { status: `v1: digest: ${digest} size: ${size}` },
    { progressDetail: {}, aux: { Tag: 'v1', Digest: digest, Size: size } },
  ] as object[]);
});

test('a pulled image is pushed with the same bytes under the same digest, whatever its layers are packed in', async () => {
  const image = makeImage([
    makeLayer(makeTar([{ kind: 'file', path: 'a', text: 'a' }])),
    makeLayer(makeTar([{ kind: 'file', path: 'b', text: 'b' }]), 'zstd'),
    makeLayer(makeTar([{ kind: 'file', path: 'c', text: 'c' }]), 'plain'),
  ]);
  await pushImage(`http://${registry.host}/v2/origin`, 'latest', image);
  await engine.output('docker', ['pull', `${registry.host}/origin`]);
  const copy = `${registry.host}/copy:v1`;
  await engine.output('docker', ['tag', `${registry.host}/origin`, copy]);
  expect(await engine.output('docker', ['push', copy])).toMatch(/Mounted from origin/);
  expect((await manifestOf('copy', 'v1')).digest).toBe(image.manifest.digest);
});

test('five layers are sent at a time, topmost first, and equal ones once', async () => {
  const texts = ['1', '2', '3', '4', '5', '6', '7', '8', '1'];
  const image = makeImage(texts.map((text) => makeLayer(makeTar([{ kind: 'file', path: 'f', text }]))));
  await pushImage(`http://${registry.host}/v2/deep`, 'latest', image);
  await using other = await startLocalRegistry(join(storage, 'other'));
  const name = `${other.host}/deep`;
  await engine.output('docker', ['pull', `${registry.host}/deep`]);
  await engine.output('docker', ['tag', `${registry.host}/deep`, name]);
  const printed = (await engine.output('docker', ['push', name])).split('\n');
  const ids = image.layers.map(({ diffId }) => diffId.slice(7, 19)).reverse();
  expect(printed.filter((line) => line.endsWith(': Preparing'))).toEqual([
    ...new Set(ids.map((id) => `${id}: Preparing`)),
  ]);
  expect(printed.filter((line) => line.endsWith(': Waiting')).length).toBe(3);
  expect(printed.filter((line) => line.endsWith(': Pushed')).length).toBe(8);
});

test('what was loaded and what was imported is packed the same way each time', async () => {
  const [one, two] = [`${registry.host}/once`, `${registry.host}/twice`];
  const tar = await busyboxRootTar();
  for (const name of [one, two]) await engine.output('docker', ['import', tar, name]);
  await engine.output('docker', ['push', one]);
  await engine.output('docker', ['rmi', one, two]);
  await engine.output('docker', ['import', tar, two]);
  await engine.output('docker', ['push', two]);
  const [first, second] = [await manifestOf('once', 'latest'), await manifestOf('twice', 'latest')];
  expect(second.document.layers).toEqual(first.document.layers);
});

test('a pushed image is pulled again as the same image', async () => {
  const name = `${registry.host}/round`;
  await engine.output('docker', ['tag', 'busybox', name]);
  const id = await engine.output('docker', ['inspect', '-f', '{{.Id}}', name]);
  await engine.output('gantry', ['push', name]);
  await engine.output('docker', ['rmi', name]);
  await engine.output('gantry', ['pull', name]);
  expect(await engine.output('docker', ['inspect', '-f', '{{.Id}}', name])).toBe(id);
  expect(await engine.output('docker', ['run', '--rm', name, 'echo', 'it runs'])).toBe('it runs');
});

test('what the registry has lost is sent again, packed as before', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-registry-'));
  await using undo = new AsyncDisposableStack();
  undo.defer(() => rmSync(directory, { recursive: true }));
  const forgetful = undo.use(await startLocalRegistry(directory));
  const name = `${forgetful.host}/app:v1`;
  await engine.output('docker', ['import', '-', name], { stdin: makeTar([{ kind: 'file', path: 'f', text: 'lost' }]) });
  const digestIn = (text: string): string | undefined => /digest: (sha256:[0-9a-f]{64})/.exec(text)?.[1];
  const first = await engine.output('docker', ['push', name]);
  rmSync(join(directory, 'docker'), { recursive: true });
  const second = await engine.output('docker', ['push', name]);
  expect(second).toContain(': Pushed');
  expect(digestIn(second)).toBe(digestIn(first) ?? 'nothing was pushed');
});

test('an image whose layer was here before it was pulled goes to another registry with what is here', async () => {
  const tar = makeTar([{ kind: 'file', path: 'shared', text: 'by another way' }]);
  const image = makeImage([makeLayer(tar, 'zstd')]);
  await engine.output('docker', ['import', '-', 'imported'], { stdin: tar });
  await pushImage(`http://${registry.host}/v2/zstd`, 'latest', image);
  await engine.output('docker', ['pull', `${registry.host}/zstd`]);
  await using other = await startLocalRegistry(join(storage, 'elsewhere'));
  const name = `${other.host}/elsewhere`;
  await engine.output('docker', ['tag', `${registry.host}/zstd`, name]);
  await engine.output('docker', ['push', name]);
  await engine.output('docker', ['rmi', 'imported', `${registry.host}/zstd`, name]);
  await engine.output('docker', ['pull', name]);
  expect(await engine.output('docker', ['inspect', '-f', '{{.Id}}', name])).toBe(image.config.digest);
});

test('an image outlives the one that brought its layer, and can still be pushed', async () => {
  const tar = makeTar([{ kind: 'file', path: 'shared', text: 'outlives' }]);
  const name = `${registry.host}/survivor`;
  const own = ['--change', 'CMD ["own"]', '-', name];
  await engine.output('docker', ['import', '-', 'first'], { stdin: tar });
  await engine.output('docker', ['import', ...own], { stdin: tar });
  await engine.output('docker', ['rmi', 'first']);
  expect(await engine.output('docker', ['push', name])).toContain('Pushed');
});

test('a layer that somebody else serves is named and not sent', async () => {
  const own = makeLayer(makeTar([{ kind: 'file', path: 'own', text: 'o' }]));
  const made = makeLayer(makeTar([{ kind: 'file', path: 'foreign', text: 'f' }]));
  const mediaType = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
  const image = makeImage([own, made]);
  const { config, layers } = JSON.parse(Buffer.from(image.manifest.bytes).toString()) as {
    config: object;
    layers: object[];
  };
  const foreign = { ...layers[1], mediaType, urls: ['https://elsewhere.invalid/layer'] };
  const type = 'application/vnd.docker.distribution.manifest.v2+json';
  const manifest = jsonBlob(type, { schemaVersion: 2, mediaType: type, config, layers: [layers[0], foreign] });
  await pushImage(`http://${registry.host}/v2/theirs`, 'parts', image);
  await pushManifest(`http://${registry.host}/v2/theirs`, 'latest', manifest);
  await engine.output('docker', ['pull', `${registry.host}/theirs`]);
  await engine.output('docker', ['tag', `${registry.host}/theirs`, `${registry.host}/ours`]);
  const pushed = await engine.output('docker', ['push', `${registry.host}/ours`]);
  expect(pushed).toContain(`${made.diffId.slice(7, 19)}: Skipped foreign layer`);
  expect((await manifestOf('ours', 'latest')).digest).toBe(manifest.digest);
  const blob = await fetch(`http://${registry.host}/v2/ours/blobs/${made.digest}`);
  expect(blob.status).toBe(404);
});

test.each(clients)('%s pull takes all tags of a repository, or one platform of an image', async (client) => {
  const name = `${registry.host}/many-${client}`;
  const images = ['amd64', 'arm64'].map((architecture) => ({
    image: makeImage([makeLayer(makeTar([{ kind: 'file', path: 'a', text: client + architecture }]))], {
      architecture,
    }),
    platform: { os: 'linux', architecture },
  }));
  const repository = `http://${name.replace('/', '/v2/')}`;
  for (const { image, platform } of images) await pushImage(repository, platform.architecture, image);
  expect(await engine.output(client, ['pull', '--all-tags', name])).toContain(`Downloaded newer image for ${name}`);
  expect((await engine.output(client, ['images', '--format', '{{.Tag}}', name])).split('\n').sort()).toEqual([
    'amd64',
    'arm64',
  ]);
  await pushManifest(repository, 'latest', makeIndex(images));
  await engine.output(client, ['pull', '--platform', 'linux/arm64', name]);
  const inspect = ['image', 'inspect', '-f', '{{.Architecture}}'];
  expect(await engine.output(client, [...inspect, '--platform', 'linux/arm64', name])).toBe('arm64');
  // The other image of the index was here before, under its own tag.
  expect(await engine.output(client, [...inspect, name])).toBe('amd64');
  const refused = await engine.run(client, ['pull', '--platform', 'linux/s390x', name]);
  expect(refused.stderr).toContain('no matching manifest for linux/s390x in the manifest list entries');
});
