import { expect, test } from 'bun:test';
import type {
  ContainerSummaryWire,
  DiskUsageWire,
  ImageSummaryWire,
  InfoWire,
  NetworkWire,
  StatsWire,
  VersionWire,
  VolumeWire,
} from '@gantry/api';
import { humanDuration } from '@gantry/api';
import { expectGolden } from '../golden-fixture.ts';
import { containerHeadings, containerRow, containerTable } from './containers.ts';
import { formatUsageDetails, usageDetails, usageHeadings, usageRows, usageTable } from './disk-usage.ts';
import { formatEvent } from './events.ts';

import {
  historyHeadings,
  historyRow,
  imageDigestTable,
  imageHeadings,
  imageRow,
  imageTable,
  namesOf,
} from './images.ts';
import { formatInfo } from './info.ts';
import { formatRows } from './list-format.ts';
import { networkHeadings, networkRow, networkTable } from './networks.ts';
import { formatPorts } from './ports.ts';
import { statsHeadings, statsRow, statsTable } from './stats.ts';
import { alignTabs, ellipsis } from './tab-writer.ts';
import { formatVersion } from './version.ts';
import { volumeHeadings, volumeRow, volumeTable } from './volumes.ts';

const nowMs = Date.UTC(2026, 10, 20, 12, 0, 0);
const id = 'ab12'.repeat(16);

const container: ContainerSummaryWire = {
  Id: id,
  Names: ['/other/link', '/web'],
  Image: 'docker.io/library/busybox:1@sha256:'.concat('0'.repeat(64)),
  ImageID: `sha256:${'cd34'.repeat(16)}`,
  Command: 'sh -c "while true; do echo hello; sleep 1; done"',
  Created: nowMs / 1000 - 7200,
  Ports: [
    { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
    { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
    { IP: '0.0.0.0', PrivatePort: 9000, PublicPort: 9000, Type: 'udp' },
    { IP: '0.0.0.0', PrivatePort: 9001, PublicPort: 9001, Type: 'udp' },
    { PrivatePort: 443, Type: 'tcp' },
  ],
  SizeRw: 2_000_000,
  SizeRootFs: 1_234_567_890,
  Labels: { b: '2', a: '1' },
  State: 'running',
  Status: 'Up 2 hours',
  HostConfig: { NetworkMode: 'bridge' },
  NetworkSettings: { Networks: {} },
  Mounts: [
    {
      Type: 'volume',
      Name: 'a-very-long-volume-name',
      Source: '/v',
      Destination: '/d',
      Driver: 'local',
      Mode: '',
      RW: true,
      Propagation: '',
    },
    { Type: 'bind', Source: '/tmp', Destination: '/t', Mode: '', RW: true, Propagation: '' },
  ],
};
const stopped = {
  ...container,
  Id: 'f'.repeat(64),
  Names: ['/db'],
  Image: 'a',
  Command: 'x',
  Ports: [],
  SizeRw: 0,
  State: 'exited',
  Status: 'Exited (0) 1 second ago',
  Labels: {},
  Mounts: [],
};

const image: ImageSummaryWire = {
  Containers: 1,
  Created: nowMs / 1000 - 86400 * 20,
  Id: `sha256:${id}`,
  Labels: null,
  ParentId: '',
  RepoDigests: [`app@sha256:${'9'.repeat(64)}`],
  RepoTags: ['app:latest', 'app:v1', 'registry.example:5000/team/app:2'],
  SharedSize: 1_000_000,
  Size: 123_456_789,
};
const dangling = { ...image, RepoTags: [], RepoDigests: [], Containers: 0, SharedSize: 0, Size: 1_000_000 };

const volume: VolumeWire = {
  CreatedAt: '',
  Driver: 'local',
  Labels: { k: 'v' },
  Mountpoint: '/x',
  Name: 'data',
  Options: null,
  Scope: 'local',
  UsageData: { RefCount: 0, Size: 4096 },
};

test('lists print as they were read: ps', () => {
  const rows = [container, stopped].map((one) => containerRow(one, { isTruncated: true, nowMs }));
  const whole = [containerRow(container, { isTruncated: false, nowMs })];
  expectGolden(
    'ps',
    [
      formatRows(`${containerTable}\t{{.Size}}`, rows, containerHeadings),
      formatRows(
        '{{.ID}} {{.Names}} {{.Mounts}} {{.LocalVolumes}} {{.Labels}} {{.Label "a"}}',
        rows,
        containerHeadings,
      ),
      formatRows('table {{upper .Names}}\\t{{json .State}}\\t{{.CreatedAt}}', rows, containerHeadings),
      formatRows('json', rows, containerHeadings),
      formatRows(containerTable, whole, containerHeadings),
      formatRows(containerTable, [], containerHeadings),
    ].join('\n'),
  );
});

test('lists print as they were read: images and history', () => {
  const rows = (showsDigests: boolean) =>
    [image, dangling]
      .flatMap((one) => namesOf(one, showsDigests))
      .map((named) => imageRow(named, { isTruncated: true, nowMs, showsDigests }));
  const layers = [
    {
      Comment: 'made',
      Created: nowMs / 1000 - 60,
      CreatedBy: '/bin/sh -c #(nop)\tCMD ["a very long command line that is cut"]',
      Id: `sha256:${id}`,
      Size: 0,
      Tags: null,
    },
    { Comment: '', Created: 0, CreatedBy: '', Id: '<missing>', Size: 5_000_000, Tags: null },
  ];
  const history = (isHuman: boolean) => layers.map((layer) => historyRow(layer, { isTruncated: true, isHuman, nowMs }));
  const table = 'table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}';
  expectGolden(
    'images',
    [
      formatRows(imageTable, rows(false), imageHeadings),
      formatRows(imageDigestTable, rows(true), imageHeadings),
      formatRows('json', rows(false).slice(0, 1), imageHeadings),
      formatRows(table, history(true), historyHeadings),
      formatRows(table, history(false), historyHeadings),
    ].join('\n'),
  );
});

test('lists print as they were read: networks, volumes and disk usage', () => {
  const network: NetworkWire = {
    Name: 'web',
    Id: id,
    Created: '2026-11-20T12:00:00.5Z',
    Scope: 'local',
    Driver: 'bridge',
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: null, Config: null },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: {},
    Options: {},
    Labels: {},
  };
  const usage: DiskUsageWire = {
    LayersSize: 124_456_789,
    Images: [image, dangling],
    Containers: [container, stopped],
    Volumes: [volume],
    BuildCache: [],
  };
  expectGolden(
    'lists',
    [
      formatRows(networkTable, [networkRow(network, true)], networkHeadings),
      formatRows('json', [networkRow(network, true)], networkHeadings),
      formatRows(volumeTable, [volumeRow(volume)], volumeHeadings),
      formatRows('json', [volumeRow(volume)], volumeHeadings),
      formatRows(usageTable, usageRows(usage), usageHeadings),
      formatRows('json', usageRows(usage), usageHeadings),
      formatUsageDetails(usageDetails(usage, { isTruncated: true, nowMs })),
    ].join('\n'),
  );
});

test('a row of stats counts from two samples, and dashes stand for what is not known', () => {
  const cpu = (total: number, system: number) => ({
    cpu_usage: { total_usage: total, usage_in_kernelmode: 0, usage_in_usermode: 0 },
    system_cpu_usage: system,
    online_cpus: 2,
    throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
  });
  const stats: StatsWire = {
    name: '/web',
    id,
    read: '',
    preread: '',
    pids_stats: { current: 3 },
    num_procs: 0,
    storage_stats: {},
    blkio_stats: {
      io_service_bytes_recursive: [
        { major: 8, minor: 0, op: 'Read', value: 4_000_000 },
        { major: 8, minor: 0, op: 'write', value: 1000 },
      ],
      io_serviced_recursive: null,
      io_queue_recursive: null,
      io_service_time_recursive: null,
      io_wait_time_recursive: null,
      io_merged_recursive: null,
      io_time_recursive: null,
      sectors_recursive: null,
    },
    cpu_stats: cpu(3e8, 2e9),
    precpu_stats: cpu(1e8, 1e9),
    memory_stats: { usage: 10 << 20, limit: 1 << 30, stats: { inactive_file: 2 << 20 } },
    networks: {
      eth0: {
        rx_bytes: 1500,
        rx_packets: 0,
        rx_errors: 0,
        rx_dropped: 0,
        tx_bytes: 500,
        tx_packets: 0,
        tx_errors: 0,
        tx_dropped: 0,
      },
    },
  };
  const rows = [
    { container: id, stats },
    { container: 'gone', stats: undefined },
  ].map((entry) => statsRow(entry, true));
  expectGolden('stats', formatRows(statsTable, rows, statsHeadings));
});

test('version, info and events print as they were read', () => {
  const client = {
    Version: '0.1.0',
    ApiVersion: '1.51',
    DefaultAPIVersion: '1.51',
    BunVersion: '1.4.5',
    Os: 'linux',
    Arch: 'amd64',
    Context: 'default',
  };
  const details = {
    ApiVersion: '1.51',
    MinAPIVersion: '1.24',
    GoVersion: '',
    GitCommit: 'abc',
    BuildTime: '2026-11-20T12:00:00Z',
    Os: 'linux',
    Arch: 'amd64',
    Experimental: 'false',
  };
  const server = {
    Platform: { Name: 'Gantry' },
    Components: [
      { Name: 'Engine', Version: '0.1.0', Details: details },
      { Name: 'bun', Version: '1.4.5', Details: { B: '2', A: '1' } },
    ],
  };
  const info = {
    Containers: 2,
    ContainersRunning: 1,
    ContainersPaused: 0,
    ContainersStopped: 1,
    Images: 3,
    ServerVersion: '0.1.0',
    Driver: 'overlay2',
    DriverStatus: [['Backing Filesystem', 'extfs']],
    LoggingDriver: 'json-file',
    CgroupDriver: 'cgroupfs',
    CgroupVersion: '2',
    Plugins: { Volume: ['local'], Network: ['bridge', 'host', 'null'], Authorization: null, Log: ['json-file'] },
    CDISpecDirs: [],
    Swarm: { LocalNodeState: 'inactive' },
    Runtimes: { gantry: { path: 'gantry' } },
    DefaultRuntime: 'gantry',
    InitBinary: 'gantry-init',
    SecurityOptions: ['name=seccomp,profile=builtin', 'name=cgroupns'],
    KernelVersion: '6.18',
    OperatingSystem: 'Debian',
    OSType: 'linux',
    Architecture: 'x86_64',
    NCPU: 2,
    MemTotal: 25_276_858_368,
    Name: 'vm',
    ID: 'x',
    DockerRootDir: '/var/lib/gantry',
    Debug: false,
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Labels: [],
    ExperimentalBuild: false,
    LiveRestoreEnabled: true,
    RegistryConfig: { IndexConfigs: {}, InsecureRegistryCIDRs: ['127.0.0.0/8'], Mirrors: null },
  };
  const event = {
    Type: 'container',
    Action: 'die',
    Actor: { ID: id, Attributes: { name: 'web', exitCode: '3' } },
    scope: 'local',
    time: 1_795_219_200,
    timeNano: 1_795_219_200_000_000_123n,
  };
  expectGolden(
    'documents',
    [
      formatVersion(client, server as unknown as VersionWire),
      formatVersion(client, undefined),
      formatInfo(info as unknown as InfoWire, { Version: '0.1.0', Context: 'default', Debug: false }),
      formatEvent({ ...event, Actor: { ID: 'x', Attributes: {} } }),
      formatEvent(event),
    ].join('\n────────\n'),
  );
});

test('tabs align in columns of neighbouring lines, at least ten wide, wide letters counted', () => {
  expect(alignTabs('A\tB\tC\nlonger than ten\tx\ty\n')).toBe(
    'A                 B         C\nlonger than ten   x         y\n',
  );
  expect(alignTabs('世界\tx\nab\ty')).toBe('世界      x\nab        y');
  expect(alignTabs('k:\tv\n\nlonger key:\tv', { minWidth: 0, padding: 1 })).toBe('k: v\n\nlonger key: v');
  expect([ellipsis('abcdef', 4), ellipsis('abcd', 4), ellipsis('世界世界', 5)]).toEqual(['abc…', 'abcd', '世界…']);
});

test('spans of time read as people say them', () => {
  const spans = [
    500,
    1000,
    59_000,
    60_000,
    3_540_000,
    3_600_000,
    86_400_000,
    3 * 86_400_000,
    30 * 86_400_000,
    100 * 86_400_000,
    800 * 86_400_000,
  ];
  expect(spans.map(humanDuration)).toEqual([
    'Less than a second',
    '1 second',
    '59 seconds',
    'About a minute',
    '59 minutes',
    'About an hour',
    '24 hours',
    '3 days',
    '4 weeks',
    '3 months',
    '2 years',
  ]);
});

test('neighbouring ports are joined, other mappings come last', () => {
  expect(formatPorts(container.Ports)).toBe(
    '443/tcp, 0.0.0.0:9000-9001->9000-9001/udp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp',
  );
});
