import { describe, expect, test } from 'bun:test';
import { formatJson } from '@gantry/api';
import type { ContainerStatus, NetworkRecord } from '@gantry/engine';
import { expectGoldenDocument } from '../golden-fixture.ts';
import { printContainer, printContainerRow } from './container.ts';
import { printEvent } from './event.ts';
import { printExec } from './exec.ts';
import { printDeleted, printHistory, printImage, printImageRow } from './image.ts';
import { printNetwork } from './network.ts';
import { printFailure, printProgress } from './progress.ts';
import { endpointFixture, imageFixture, sampleFixture, stackFixture, viewFixture } from './record-fixture.ts';
import { printStats } from './stats.ts';
import { printState, stateWord, statusText } from './status.ts';
import { type DaemonFacts, printInfo, printVersion } from './system.ts';
import { printVolume } from './volume.ts';

const now = new Date('2026-11-20T23:38:42Z');

describe('containers', () => {
  test('inspect', () =>
    expectGoldenDocument(
      'container-inspect',
      printContainer(viewFixture, { storageDriver: 'overlay2', image: undefined }),
    ));

  test('inspect shows sizes when they were asked for, zero included', () => {
    const { SizeRw, SizeRootFs } = printContainer(
      { ...viewFixture, sizeRw: 0, sizeRootFs: 5 },
      { storageDriver: 'overlay2', image: undefined },
    );
    expect([SizeRw, SizeRootFs]).toEqual([0, 5]);
  });

  test('a row of a list', () =>
    expectGoldenDocument('container-row', printContainerRow(viewFixture, { name: 'bb:1', image: undefined }, now)));

  test('a stopped container shows no ports', () => {
    const stopped: ContainerStatus = {
      kind: 'exited',
      exitCode: 3,
      oomKilled: false,
      error: '',
      startedAt: new Date('2026-11-20T23:33:42Z'),
      finishedAt: new Date('2026-11-20T23:38:40Z'),
    };
    const view = { ...viewFixture, status: stopped, ports: [] };
    expect(printContainerRow(view, { name: 'bb:1', image: undefined }, now).Ports).toEqual([]);
    expect(printContainer(view, { storageDriver: 'overlay2', image: undefined }).NetworkSettings.Ports).toEqual({});
  });
});

describe('the state of a container', () => {
  const startedAt = new Date('2026-11-20T23:33:42Z');
  const finishedAt = new Date('2026-11-20T23:38:40Z');
  const exited = { kind: 'exited', exitCode: 3, oomKilled: false, error: '', startedAt, finishedAt } as const;
  const states: readonly (readonly [ContainerStatus, string | undefined, string, string])[] = [
    [{ kind: 'created' }, undefined, 'created', 'Created'],
    [{ kind: 'running', pid: 1, startedAt, paused: false }, undefined, 'running', 'Up 5 minutes'],
    [{ kind: 'running', pid: 1, startedAt, paused: false }, 'starting', 'running', 'Up 5 minutes (health: starting)'],
    [{ kind: 'running', pid: 1, startedAt, paused: false }, 'healthy', 'running', 'Up 5 minutes (healthy)'],
    [{ kind: 'running', pid: 1, startedAt, paused: true }, undefined, 'paused', 'Up 5 minutes (Paused)'],
    [
      { kind: 'restarting', exitCode: 1, startedAt, finishedAt },
      undefined,
      'restarting',
      'Restarting (1) 2 seconds ago',
    ],
    [{ kind: 'removing' }, undefined, 'removing', 'Removal In Progress'],
    [exited, undefined, 'exited', 'Exited (3) 2 seconds ago'],
    [{ ...exited, startedAt: undefined, error: 'no such file' }, undefined, 'created', 'Created'],
    [{ kind: 'dead' }, undefined, 'dead', 'Dead'],
  ];

  test.each(states)('%j with health %s is %s, %s', (status, health, ...[word, text]) => {
    expect([stateWord(status), statusText(status, health, now)]).toEqual([word, text]);
  });

  test('a start that failed keeps its reason and its code, and was never up', () => {
    const {
      Status,
      Error: reason,
      ExitCode,
      StartedAt,
    } = printState({
      status: { ...exited, startedAt: undefined, exitCode: 127, error: 'no such file' },
      health: undefined,
      unresponsive: undefined,
    });
    expect([Status, reason, ExitCode, StartedAt]).toEqual(['created', 'no such file', 127, '0001-01-01T00:00:00Z']);
  });
});

test('an exec that has not run yet has no exit code', () => {
  const request = {
    cmd: ['sh', '-c', 'x'],
    env: [],
    user: 'root',
    workingDir: '',
    tty: false,
    privileged: false,
    attachStdin: false,
    attachStdout: true,
    attachStderr: true,
    detachKeys: undefined,
    consoleSize: undefined,
  };
  const exec = { id: 'e', containerId: 'c', request, running: false, exitCode: undefined, pid: 0, canRemove: false };
  expectGoldenDocument('exec-inspect', printExec(exec));
});

describe('stats', () => {
  const container = { id: 'f0d0', name: 'c1' };

  test('two samples', () => {
    const before = { ...sampleFixture, readAt: new Date('2026-11-20T23:33:45.451Z'), cpuTotalNanos: 57_000_000 };
    expectGoldenDocument('stats', printStats(container, { now: sampleFixture, before }));
  });

  test('a container that does not run', () => {
    expectGoldenDocument('stats-stopped', printStats(container, { now: undefined, before: undefined }));
  });
});

describe('images', () => {
  test('inspect', () =>
    expectGoldenDocument(
      'image-inspect',
      printImage(imageFixture, {
        storageDriver: 'overlay2',
        stack: { ...stackFixture, work: undefined, merged: undefined },
      }),
    ));
  test('a row of a list', () => {
    expectGoldenDocument('image-row', printImageRow(imageFixture, { containers: 4, sharedSize: -1 }));
  });
  test('history, newest first', () => expectGoldenDocument('image-history', printHistory(imageFixture)));
  test('what a removal did', () => {
    expect([{ untagged: 'a:1' }, { deleted: 'sha256:b' }].map(printDeleted)).toEqual([
      { Untagged: 'a:1' },
      { Deleted: 'sha256:b' },
    ]);
  });
});

describe('progress', () => {
  test.each([
    [{ status: 'Pulling from library/busybox' }, '{"status":"Pulling from library/busybox"}'],
    [{ id: 'ab', status: 'Waiting' }, '{"status":"Waiting","progressDetail":{},"id":"ab"}'],
    [
      { id: 'ab', status: 'Downloading', current: 500_000, total: 1_000_000 },
      '{"status":"Downloading","progressDetail":{"current":500000,"total":1000000},"progress":"[=========================>                         ]    500kB/1MB","id":"ab"}',
    ],
    [
      { id: 'ab', status: 'Downloading', current: 500_000 },
      '{"status":"Downloading","progressDetail":{"current":500000},"progress":"   500kB","id":"ab"}',
    ],
  ])('%j', (event, line) => {
    expect(printProgress(event).map(formatJson)).toEqual([line]);
  });

  test('a failure after the status is sent', () => {
    expect(printFailure({ message: 'it is gone' })).toEqual({
      errorDetail: { message: 'it is gone' },
      error: 'it is gone',
    });
  });
});

describe('networks and volumes', () => {
  const network: NetworkRecord = {
    id: 'a3ef'.repeat(16),
    name: 'n1',
    driver: 'bridge',
    createdAt: new Date('2026-11-20T23:33:42.176Z'),
    internal: false,
    attachable: false,
    enableIpv4: true,
    enableIpv6: false,
    ipam: {
      driver: 'default',
      options: {},
      pools: [{ subnet: '172.17.0.0/16', ipRange: '', gateway: '172.17.0.1', auxAddresses: {} }],
    },
    options: {},
    labels: { x: 'y' },
  };

  test('a network with a member', () => {
    expectGoldenDocument('network', printNetwork(network, [{ endpoint: endpointFixture, containerName: 'c1' }]));
  });

  test('a pre-defined network has no pools and no options', () => {
    const none = { ...network, name: 'none', driver: 'null', ipam: { ...network.ipam, pools: [] } };
    expect(printNetwork(none, []).IPAM).toEqual({ Driver: 'default', Options: null, Config: null });
  });

  test('volumes', () => {
    const volume = {
      name: 'v1',
      driver: 'local',
      mountpoint: '/d/v1/_data',
      createdAt: new Date('2026-11-20T23:26:38.500Z'),
      labels: {},
      options: {},
      anonymous: false,
    };
    expectGoldenDocument('volumes', [
      printVolume(volume),
      printVolume({ ...volume, anonymous: true }, { holders: 1, sizeBytes: 5 }),
    ]);
  });
});

test('an event keeps its nanoseconds; only containers and images have the members of old', () => {
  const timeNanos = 1795217198732101989n;
  const lines = [
    printEvent({
      type: 'container',
      action: 'start',
      actorId: 'c',
      attributes: { image: 'bb:1', name: 'c1' },
      timeNanos,
    }),
    printEvent({ type: 'image', action: 'tag', actorId: 'i', attributes: { name: 'bb:1' }, timeNanos }),
    printEvent({ type: 'container', action: 'prune', actorId: '', attributes: { reclaimed: '0' }, timeNanos }),
    printEvent({ type: 'volume', action: 'create', actorId: 'v', attributes: { driver: 'local' }, timeNanos }),
  ];
  expect(lines.map(formatJson)).toEqual([
    '{"status":"start","id":"c","from":"bb:1","Type":"container","Action":"start","Actor":{"ID":"c","Attributes":{"image":"bb:1","name":"c1"}},"scope":"local","time":1795217198,"timeNano":1795217198732101989}',
    '{"status":"tag","id":"i","Type":"image","Action":"tag","Actor":{"ID":"i","Attributes":{"name":"bb:1"}},"scope":"local","time":1795217198,"timeNano":1795217198732101989}',
    '{"status":"prune","Type":"container","Action":"prune","Actor":{"ID":"","Attributes":{"reclaimed":"0"}},"scope":"local","time":1795217198,"timeNano":1795217198732101989}',
    '{"Type":"volume","Action":"create","Actor":{"ID":"v","Attributes":{"driver":"local"}},"scope":"local","time":1795217198,"timeNano":1795217198732101989}',
  ]);
});

test('info and version', () => {
  const facts: DaemonFacts = {
    version: '0.1.0',
    gitCommit: '',
    buildTime: '',
    debug: false,
    labels: ['a=b'],
    logDriver: 'json-file',
    registryMirrors: [],
    insecureRegistries: ['localhost:5000', '10.0.0.0/8'],
  };
  const info = {
    id: 'i',
    containers: { running: 1, paused: 1, stopped: 2 },
    images: 3,
    storageDriver: 'overlay2',
    storageStatus: [['Backing Filesystem', 'extfs']] as const,
    cgroupVersion: '1' as const,
    kernelVersion: '6.18',
    operatingSystem: 'Debian',
    osVersion: '12',
    architecture: 'x86_64',
    cpus: 2,
    memoryBytes: 5,
    hostname: 'vm',
    dataRoot: '/var/lib/gantry',
    securityOptions: ['name=seccomp,profile=builtin'],
    warnings: [],
    indexServerAddress: 'https://index.docker.io/v1/',
    openFileDescriptors: 5,
    now,
  };
  expectGoldenDocument('info', printInfo(info, facts));
  expectGoldenDocument('version', printVersion(info, facts));
});
