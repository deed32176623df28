import { describe, expect, test } from 'bun:test';
import { parseFlags } from '@gantry/base';
import { expectGolden } from '../golden-fixture.ts';
import { imageFixture } from '../print/record-fixture.ts';
import { settleConfig } from './config.ts';
import { joinOptions, refuseUnsupported } from './given.ts';
import { formatHelp } from './help.ts';
import { daemonOptions } from './options.ts';

function configOf(argv: readonly string[], file?: string): ReturnType<typeof settleConfig> {
  const flags = parseFlags(argv, daemonOptions);
  const given = joinOptions(flags, file === undefined ? undefined : { path: '/etc/d.json', text: file });
  refuseUnsupported(given);
  return settleConfig(given);
}

test('help is printed from the table', () => expectGolden('daemon-help', formatHelp()));

test('nothing given is the default everywhere', () => {
  expect(configOf([])).toEqual({
    hosts: [{ kind: 'unix', path: '/run/gantry/gantry.sock' }],
    group: 'docker',
    metricsAddress: undefined,
    dataRoot: '/var/lib/gantry',
    execRoot: '/run/gantry',
    pidfile: '/run/gantry/gantry.pid',
    bridge: 'gantry0',
    bip: '',
    logLevel: 'info',
    logFormat: 'text',
    debug: false,
    labels: [],
    insecureRegistries: [],
    nondistributable: [],
    registryMirrors: [],
    registryConfigDirs: ['/etc/gantry/certs.d', '/etc/docker/certs.d'],
    logConfig: { type: 'json-file', config: {} },
    ulimits: [],
    dns: [],
    dnsOptions: [],
    dnsSearch: [],
    shmSizeBytes: 67108864,
    init: false,
    shutdownTimeoutSeconds: 15,
    imagePolicy: undefined,
    storageDriver: '',
  });
});

test('flags and file mean the same', () => {
  const flags = configOf([
    '-H',
    'unix:///a.sock',
    '--host=tcp://127.0.0.1:2375',
    '-D',
    '--log-opt',
    'max-size=1m',
    '--default-ulimit',
    'nofile=1:2',
    '--dns',
    '1.1.1.1',
    '--default-shm-size',
    '1g',
    '--init',
    '-s',
    'vfs',
  ]);
  const file = configOf(
    [],
    JSON.stringify({
      hosts: ['unix:///a.sock', 'tcp://127.0.0.1:2375'],
      debug: true,
      'log-opts': { 'max-size': '1m' },
      'default-ulimits': { nofile: { Name: 'nofile', Soft: 1, Hard: 2 } },
      dns: ['1.1.1.1'],
      'default-shm-size': '1g',
      init: true,
      'storage-driver': 'vfs',
    }),
  );
  expect(file).toEqual(flags);
  expect(flags.logLevel).toBe('debug');
  expect(flags.storageDriver).toBe('vfs');
});

test('a policy for images is read from pairs and from an object', () => {
  const file = JSON.stringify({
    'image-gc': {
      unusedFor: '720h',
      maxUsedSpace: '50GB',
      minFreeSpace: '10%',
      reservedSpace: '5GB',
      keep: ['label=keep', 'reference=base/*'],
    },
  });
  const { imagePolicy } = configOf([], file);
  const { keeps, ...numbers } = imagePolicy ?? { keeps: () => false };
  expect(numbers).toEqual({
    unusedForMs: 720 * 3_600_000,
    keepDurationMs: 3_600_000,
    maxUsedBytes: 50 * 2 ** 30,
    minFree: { percent: 10 },
    reservedBytes: 5 * 2 ** 30,
  });
  const image = { ...imageFixture, tags: ['app:1'] };
  expect(keeps(image)).toBe(false);
  expect(keeps({ ...image, tags: ['base/app:1'] })).toBe(true);
  expect(keeps({ ...image, config: { ...image.config, labels: { keep: '' } } })).toBe(true);
  const flags = configOf(['--image-gc', 'minFreeSpace=2GB', '--image-gc', 'keepDuration=5m']).imagePolicy;
  expect([flags?.minFree, flags?.keepDurationMs]).toEqual([{ bytes: 2 ** 31 }, 300_000]);
});

describe('refused', () => {
  test.each([
    [['--log-opt', 'odd=1'], undefined, "failed to set log opts: unknown log opt 'odd' for json-file log driver"],
    [
      ['--debug'],
      '{"debug":false}',
      'unable to configure the Docker daemon with file /etc/d.json: the following directives are specified both as a flag and in the configuration file: debug: (from flag: true, from file: false)',
    ],
    [
      ['-H', 'unix:///a'],
      '{"hosts":["unix:///b","unix:///c"]}',
      'hosts: (from flag: [unix:///a], from file: [unix:///b unix:///c])',
    ],
    [[], '{"nope":1,"bip":"","other":2}', "the following directives don't match any configuration option: nope, other"],
    [[], '{"debug":"yes"}', 'the value of "debug" cannot be "yes"'],
    [[], '{', 'unable to configure the Docker daemon with file /etc/d.json: invalid JSON: unexpected EOF'],
    [[], '{"proxies":{}}', '"proxies" is not supported yet'],
    [[], '{"runtimes":{"x":{"path":"/x"}}}', 'cannot use --add-runtime: it is not supported yet'],
    [['--live-restore=false'], undefined, 'cannot use --live-restore=false: only "true" is supported'],
    [['--log-level', 'loud'], undefined, 'invalid logging level: loud'],
    [['--default-ulimit', 'nofile'], undefined, 'invalid ulimit argument: nofile'],
    [
      ['--default-ulimit', 'nofile=5:2'],
      undefined,
      'ulimit soft limit must be less than or equal to hard limit: 5 > 2',
    ],
    [['--label', 'x'], undefined, 'bad attribute format: x'],
    [['-H', 'http://x'], undefined, 'invalid bind address (http://x): use unix:///path, tcp://host:port or fd://'],
    [['--image-gc', 'keepDuration=1h'], undefined, 'set unusedFor, maxUsedSpace or minFreeSpace'],
    [['--image-gc', 'unusedFor=a week'], undefined, 'invalid image-gc: unusedFor=a week: use a duration such as 720h'],
    [['--image-gc', 'minFreeSpace=a lot'], undefined, 'minFreeSpace=a lot: use a size such as 20GB'],
    [['--image-gc', 'maxSpace=1'], undefined, 'invalid image-gc: maxSpace: use unusedFor, keepDuration'],
    [['--nope'], undefined, 'unknown flag: --nope'],
  ])('%j with %s', (argv, file, message) => {
    expect(() => configOf(argv, file)).toThrow(message);
  });

  test('values that only say how it works anyway are taken', () => {
    configOf(['--exec-opt', 'native.cgroupdriver=cgroupfs', '--live-restore', '--iptables']);
  });
});
