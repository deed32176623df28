import { expect, test } from 'bun:test';
import { mediaTypes } from '@gantry/oci';
import { parsePushedManifest } from './pushed-manifest.ts';

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const descriptor = (letter: string, mediaType: string): unknown => ({ mediaType, digest: digest(letter), size: 7 });
const config = descriptor('c', mediaTypes.ociConfig);
const image = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [] };
const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] };
const parse = (document: unknown, type: string): ReturnType<typeof parsePushedManifest> =>
  parsePushedManifest(new TextEncoder().encode(JSON.stringify(document)), type);

test('an image needs its config and its layers, but none that lies elsewhere by licence', () => {
  const layers = [
    descriptor('1', mediaTypes.ociLayerGzip),
    descriptor('2', 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'),
    descriptor('3', mediaTypes.dockerForeignLayerGzip),
  ];
  const { parts } = parse({ ...image, layers }, `${mediaTypes.ociManifest}; charset=utf-8`);
  expect(parts.map((part) => [part.kind, part.digest as string])).toEqual([
    ['blob', digest('c')],
    ['blob', digest('1')],
  ]);
});

test('an index needs its manifests; the type of an artifact is its own, or that of its config', () => {
  const children = [descriptor('1', mediaTypes.ociManifest)];
  expect(parse({ ...index, manifests: children, artifactType: 'a/b' }, mediaTypes.ociIndex)).toMatchObject({
    parts: [{ kind: 'manifest', digest: digest('1'), sizeBytes: 7 }],
    artifactType: 'a/b',
    subject: undefined,
  });
  expect(parse(index, mediaTypes.ociIndex).artifactType).toBe('');
  const referrer = { ...image, subject: descriptor('5', mediaTypes.ociManifest), annotations: { k: 'v' } };
  expect(parse(referrer, mediaTypes.ociManifest)).toMatchObject({
    subject: digest('5'),
    artifactType: mediaTypes.ociConfig,
    annotations: { k: 'v' },
  });
});

test("Docker's own forms are taken, and a type that only the document or only the header has", () => {
  const docker = { schemaVersion: 2, mediaType: mediaTypes.dockerManifest, config, layers: [] };
  expect(parse(docker, mediaTypes.dockerManifest).mediaType).toBe(mediaTypes.dockerManifest);
  expect(parse(docker, 'application/octet-stream').mediaType).toBe(mediaTypes.dockerManifest);
  expect(parse({ ...image, mediaType: undefined }, mediaTypes.ociManifest).mediaType).toBe(mediaTypes.ociManifest);
});

test('a document that two readers could take for two things is refused', () => {
  const rows: readonly (readonly [unknown, string])[] = [
    [{ ...image, manifests: [] }, mediaTypes.ociManifest],
    [{ ...index, config }, mediaTypes.ociIndex],
    [{ ...index, layers: [] }, mediaTypes.ociIndex],
    [image, mediaTypes.ociIndex],
    [index, mediaTypes.ociManifest],
    [{ ...image, schemaVersion: 1, fsLayers: [] }, mediaTypes.ociManifest],
    [{ ...image, schemaVersion: 1 }, mediaTypes.ociManifest],
    [{ ...image, config: undefined }, mediaTypes.ociManifest],
    [{ ...image, layers: [{ digest: '../../etc/passwd', size: 1 }] }, mediaTypes.ociManifest],
    [{ ...image, mediaType: 'text/plain' }, 'text/plain'],
    [{ schemaVersion: 2 }, ''],
    [[], mediaTypes.ociManifest],
  ];
  for (const [document, type] of rows) expect(() => parse(document, type)).toThrow();
  expect(() => parsePushedManifest(new Uint8Array([0xff, 0xfe]), mediaTypes.ociManifest)).toThrow();
});
