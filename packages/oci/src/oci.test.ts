import { expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { chainIds, parseDiffId, parseDigest } from './digest.ts';
import { formatImageConfig, parseImageConfig } from './image-config.ts';
import { formatManifest, parseManifest } from './manifest.ts';
import { mediaTypes } from './media-types.ts';
import { choosePlatform, formatPlatform, parsePlatform } from './platform.ts';

const sha256Hex = (text: string): string => createHash('sha256').update(text).digest('hex');
const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const digest = `sha256:${'1'.repeat(64)}`;
const descriptor = { mediaType: mediaTypes.ociConfig, digest, size: 2 };

test('a digest is an algorithm and exactly its hexadecimal digits', () => {
  expect(parseDigest(digest)).toBe(parseDigest(digest));
  for (const text of [
    '',
    'sha256:',
    `sha256:${'g'.repeat(64)}`,
    `sha256:${'1'.repeat(63)}/`,
    `../sha256:${'1'.repeat(64)}`,
    `${digest}\n`,
    `sha384:${'1'.repeat(96)}`,
  ]) {
    expect(() => parseDigest(text)).toThrow();
  }
});

test('the first chain ID is the first diff ID, each next one hashes the stack below and the layer', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((digit) => parseDiffId(`sha256:${digit.repeat(64)}`)) as [never, never, never];
  const second = `sha256:${sha256Hex(`${a} ${b}`)}`;
  expect(chainIds([a, b, c], sha256Hex) as string[]).toEqual([a, second, `sha256:${sha256Hex(`${second} ${c}`)}`]);
  expect(chainIds([], sha256Hex)).toEqual([]);
});

test('a document that is both an image and an index is refused', () => {
  const both = { schemaVersion: 2, config: descriptor, layers: [], manifests: [] };
  expect(() => parseManifest(bytes(both), mediaTypes.ociManifest)).toThrow('both an image and an index');
  const image = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: descriptor, layers: [] };
  expect(() => parseManifest(bytes(image), mediaTypes.ociIndex)).toThrow('calls itself');
  expect(() => parseManifest(bytes({ schemaVersion: 2, manifests: [] }), mediaTypes.ociManifest)).toThrow('neither');
  expect(() => parseManifest(bytes({ schemaVersion: 1, fsLayers: [] }), '')).toThrow('schema 1 is not supported');
});

test('hostile manifests are refused', () => {
  const layer = (extra: object): unknown => ({
    schemaVersion: 2,
    config: descriptor,
    layers: [{ ...descriptor, ...extra }],
  });
  for (const extra of [
    { size: -1 },
    { size: 1.5 },
    { size: '1' },
    { digest: 'sha256:x' },
    { urls: 'x' },
    { mediaType: 'a\0b' },
  ]) {
    expect(() => parseManifest(bytes(layer(extra)), '')).toThrow();
  }
  const deep = { schemaVersion: 2, config: descriptor, layers: Array.from({ length: 128 }, () => descriptor) };
  expect(() => parseManifest(bytes(deep), '')).toThrow('max depth exceeded');
  expect(() => parseManifest(new Uint8Array(5 * 2 ** 20), '')).toThrow('more than');
  expect(() => parseManifest(bytes([]), '')).toThrow('expected an object');
});

test('a manifest prints and parses back', () => {
  const parsed = parseManifest(
    bytes({ schemaVersion: 2, config: descriptor, layers: [descriptor] }),
    mediaTypes.dockerManifest,
  );
  if (parsed.kind !== 'manifest') throw new Error('unreachable: it has layers');
  expect(parseManifest(formatManifest(parsed), '')).toEqual(parsed);
});

test('an image config prints and parses back, and nulls read as absent', () => {
  const config = {
    created: '2024-01-02T03:04:05.123456789Z',
    architecture: 'arm64',
    variant: 'v8',
    os: 'linux',
    config: {
      Env: ['PATH=/bin'],
      Cmd: ['sh'],
      Entrypoint: null,
      ExposedPorts: { '80/tcp': {} },
      Volumes: null,
      Labels: { a: 'b' },
      Shell: ['/bin/sh', '-c'],
      OnBuild: ['RUN x'],
      Healthcheck: { Test: ['CMD', 'true'], Interval: 1_000_000_000, Retries: 3 },
    },
    rootfs: { type: 'layers', diff_ids: [digest] },
    history: [{ created_by: 'x', empty_layer: true }],
  };
  const parsed = parseImageConfig(bytes(config));
  expect(parsed.config.entrypoint).toBeUndefined();
  expect(parsed.config.exposedPorts).toEqual(['80/tcp']);
  expect(parsed.config.healthcheck?.intervalNanos).toBe(1_000_000_000);
  expect(parseImageConfig(formatImageConfig(parsed))).toEqual(parsed);
  expect(() => parseImageConfig(bytes({ ...config, config: { Env: ['A=\0'] } }))).toThrow('without NUL');
  expect(() => parseImageConfig(bytes({ ...config, rootfs: { type: 'zip', diff_ids: [] } }))).toThrow('rootfs type');
});

test('each host gets the platform that runs best on it', () => {
  const host = { os: 'linux', architecture: 'amd64', variant: '' };
  const index = ['linux/386', 'linux/amd64', 'linux/arm/v6', 'linux/arm/v7', 'linux/arm64/v8', 'windows/amd64'].map(
    (text) => ({
      platform: parsePlatform(text, host),
    }),
  );
  const choose = (text: string): string => {
    const chosen = choosePlatform(index, parsePlatform(text, host))?.platform;
    return chosen === undefined ? 'none' : formatPlatform(chosen);
  };
  const asked = [
    'amd64',
    'linux/x86_64',
    'linux/amd64/v3',
    'aarch64',
    'linux/arm',
    'armel',
    'linux/arm/v5',
    's390x',
    'linux/i386',
  ];
  expect(asked.map(choose)).toEqual([
    'linux/amd64',
    'linux/amd64',
    'linux/amd64',
    'linux/arm64',
    'linux/arm/v7',
    'linux/arm/v6',
    'none',
    'none',
    'linux/386',
  ]);
  expect(() => parsePlatform('linux/a b', host)).toThrow('invalid component');
  expect(() => parsePlatform('toaster', host)).toThrow('unknown operating system or architecture');
});
