import { expect, test } from 'bun:test';
import type { ImageRunConfig } from '../images/types.ts';
import { commandOf, mergeConfig } from './merge-config.ts';
import { emptyConfig } from './record-fixture.ts';
import type { ContainerConfig } from './types.ts';

const image: ImageRunConfig = {
  user: 'www',
  exposedPorts: ['80/tcp'],
  env: ['PATH=/bin', 'LANG=C'],
  entrypoint: ['/entry'],
  cmd: ['serve', '-v'],
  volumes: ['/data'],
  workingDir: '/srv/',
  labels: { a: 'image', b: 'image' },
  stopSignal: 'SIGQUIT',
  shell: undefined,
  healthcheck: {
    test: ['CMD', 'ok'],
    intervalNanos: 5e9,
    timeoutNanos: 1e9,
    startPeriodNanos: 0,
    startIntervalNanos: 0,
    retries: 3,
  },
  argsEscaped: false,
  onBuild: undefined,
};

const merged = (user: Partial<ContainerConfig>, from: Partial<ImageRunConfig> = {}): ContainerConfig =>
  mergeConfig({ ...emptyConfig, ...user }, { ...image, ...from });

test('a user who says nothing gets what the image says', () => {
  expect(merged({})).toEqual({
    ...emptyConfig,
    user: 'www',
    exposedPorts: ['80/tcp'],
    env: ['PATH=/bin', 'LANG=C'],
    entrypoint: ['/entry'],
    cmd: ['serve', '-v'],
    volumes: ['/data'],
    workingDir: '/srv',
    labels: { a: 'image', b: 'image' },
    stopSignal: 'SIGQUIT',
    healthcheck: image.healthcheck,
  });
});

test.each<[string, Partial<ContainerConfig>, Partial<ImageRunConfig>, string]>([
  ['a command replaces the command', { cmd: ['sh'] }, {}, '/entry sh'],
  ['an entrypoint drops the command too', { entrypoint: ['ls'] }, {}, 'ls'],
  ['an entrypoint keeps a command of the user', { entrypoint: ['ls'], cmd: ['-l'] }, {}, 'ls -l'],
  ['an empty entrypoint text resets both', { entrypoint: [''], cmd: ['sh'] }, {}, 'sh'],
  ['an empty entrypoint list keeps the image command', { entrypoint: [] }, {}, 'serve -v'],
  ['an image without entrypoint runs its command', {}, { entrypoint: undefined }, 'serve -v'],
])('%s', (...[, user, from, command]) => {
  expect(commandOf(merged(user, from)).join(' ')).toBe(command);
});

test.each<[string, Partial<ContainerConfig>, Partial<ImageRunConfig>]>([
  ['nothing to run', {}, { entrypoint: undefined, cmd: undefined }],
  ['a reset entrypoint without a command', { entrypoint: [''] }, {}],
])('%s is refused', (_fact, user, from) => {
  expect(() => merged(user, from)).toThrow('no command specified');
});

test('environment merges by key, the user first; a bare key hides the image variable', () => {
  expect(merged({ env: ['LANG=de', 'X'] }, { env: ['PATH=/bin', 'LANG=C', 'X=1'] }).env).toEqual([
    'LANG=de',
    'X',
    'PATH=/bin',
  ]);
});

test('ports and volumes are united, labels of the user win', () => {
  const config = merged({ exposedPorts: ['80/tcp', '53/udp'], volumes: ['/more'], labels: { a: 'user' } });
  expect(config.exposedPorts).toEqual(['80/tcp', '53/udp']);
  expect(config.volumes).toEqual(['/more', '/data']);
  expect(config.labels).toEqual({ a: 'user', b: 'image' });
});

test('a healthcheck inherits what the user left open', () => {
  const own = {
    test: ['NONE'],
    intervalNanos: 0,
    timeoutNanos: 0,
    startPeriodNanos: 0,
    startIntervalNanos: 0,
    retries: 7,
  };
  expect(merged({ healthcheck: own }).healthcheck).toEqual({
    test: ['NONE'],
    intervalNanos: 5e9,
    timeoutNanos: 1e9,
    startPeriodNanos: 0,
    startIntervalNanos: 0,
    retries: 7,
  });
});

test('a relative WORKDIR of an image counts from the root and cannot climb', () => {
  expect(merged({}, { workingDir: '../../proc/self' }).workingDir).toBe('/proc/self');
});

test('without an image the user config stands alone', () => {
  expect(mergeConfig({ ...emptyConfig, cmd: ['sh'] }, undefined).cmd).toEqual(['sh']);
});
