import { expect, test } from 'bun:test';
import { type Descriptor, type Digest, type Index, mediaTypes, parseDigest, plainDescriptor } from '@gantry/oci';
import { companionsOf } from './pull-companions.ts';

const digest = (text: string): Digest => parseDigest(`sha256:${text.padStart(64, '0')}`);
const entry = (text: string, more: Partial<Descriptor> = {}): Descriptor => ({
  ...plainDescriptor({ mediaType: mediaTypes.ociManifest, digest: digest(text), sizeBytes: 1 }),
  ...more,
});
const nowhere = { os: 'unknown', architecture: 'unknown', variant: '' };
const attestation = (text: string, of: string): Descriptor =>
  entry(text, {
    platform: nowhere,
    annotations: {
      'vnd.docker.reference.digest': digest(of),
      'vnd.docker.reference.type': 'attestation-manifest',
    },
  });
const indexOf = (manifests: readonly Descriptor[]): Index => ({
  kind: 'index',
  mediaType: mediaTypes.ociIndex,
  manifests,
  annotations: {},
});

test('with an image go what was attested of it and the artifacts of the index, and not those of others', () => {
  const index = indexOf([
    entry('a', { platform: { os: 'linux', architecture: 'amd64', variant: '' } }),
    entry('b', { platform: { os: 'linux', architecture: 'arm64', variant: '' } }),
    attestation('c', 'a'),
    attestation('d', 'b'),
    entry('e', { artifactType: 'application/vnd.example.sbom' }),
    entry('f', { platform: nowhere }),
    entry('0'),
  ]);
  const beside = (text: string): readonly Digest[] => companionsOf(index)(digest(text)).map((one) => one.digest);
  expect(beside('a')).toEqual(['c', 'e', 'f'].map(digest));
  expect(beside('b')).toEqual(['d', 'e', 'f'].map(digest));
  expect(beside('0')).toEqual(['e', 'f'].map(digest));
});

test('an index that names more than anybody attests brings nothing along', () => {
  const many = Array.from({ length: 33 }, (_, i) => attestation(`c${i}`, 'a'));
  expect(companionsOf(indexOf(many))(digest('a'))).toEqual([]);
  expect(companionsOf(indexOf(many.slice(1)))(digest('a')).length).toBe(32);
});
