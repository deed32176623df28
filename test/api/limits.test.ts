import { afterAll, beforeAll, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { startEngine, type TestEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
}, 60_000);

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
}, 60_000);

/** This machine has the hierarchies of version 1; where it has not, these say nothing. */
const memory = '/sys/fs/cgroup/memory';
const onV1 = test.skipIf(!existsSync(`${memory}/memory.limit_in_bytes`));

function isLeaf(directory: string): boolean {
  return (
    !existsSync(directory) || readdirSync(directory, { withFileTypes: true }).every((entry) => !entry.isDirectory())
  );
}

async function refusal(path: string, body: unknown): Promise<string> {
  const reply = await engine.api('POST', path, body);
  return `${reply.status} ${await reply.text()}`.trim();
}

onV1('a parent cgroup of the user is made ready for containers, and limits hold in it', async () => {
  const parent = `gtest-parent-${process.pid}`;
  try {
    const words = [
      'run',
      '--rm',
      '--network',
      'none',
      '--cgroup-parent',
      `/${parent}/inner`,
      '-m',
      '64m',
      '--cpuset-cpus',
      '0',
    ];
    const shown = await engine.output('docker', [...words, 'busybox', 'grep', 'cpuset\\|memory', '/proc/self/cgroup']);
    expect(shown).toContain(`memory:/${parent}/inner/`);
    expect(shown).toContain(`cpuset:/${parent}/inner/`);
  } finally {
    for (const name of ['systemd', 'pids', 'blkio', 'freezer', 'devices', 'memory', 'cpuset', 'cpuacct', 'cpu']) {
      for (const path of [`${parent}/inner`, parent]) {
        const directory = `/sys/fs/cgroup/${name}/${path}`;
        // The shim takes the container's own away when it has told of the exit.
        await waitFor(`the end of what is in ${directory}`, () => isLeaf(directory));
        if (existsSync(directory)) rmdirSync(directory);
      }
    }
  }
});

onV1('an update that the kernel refuses half-way takes back the limits it had written', async () => {
  const id = await engine.output('docker', [
    'run',
    '-d',
    '--network',
    'none',
    '-m',
    '64m',
    '--cpu-shares',
    '512',
    'busybox',
    'sleep',
    '60',
  ]);
  const cgroup =
    /memory:(\S+)/.exec(await engine.output('docker', ['exec', id, 'cat', '/proc/self/cgroup']))?.[1] ?? '';
  const shares = `/sys/fs/cgroup/cpu${cgroup}/cpu.shares`;
  expect(readFileSync(shares, 'utf8')).toBe('512\n');
  await engine.output('docker', [
    'exec',
    id,
    'sh',
    '-c',
    'dd if=/dev/zero of=/dev/shm/held bs=1M count=32 2>/dev/null',
  ]);
  // The processor's share is written before the memory's limit, which cannot fall below what is in use and cannot be freed.
  const answer = await refusal(`/containers/${id}/update`, {
    CpuShares: 256,
    Memory: 8 * 2 ** 20,
    MemorySwap: 8 * 2 ** 20,
  });
  expect(answer).toStartWith('500');
  expect(readFileSync(shares, 'utf8')).toBe('512\n');
  const inspected = await engine.output('docker', [
    'inspect',
    '-f',
    '{{.HostConfig.CpuShares}} {{.HostConfig.Memory}}',
    id,
  ]);
  expect(inspected).toBe(`512 ${64 * 2 ** 20}`);
  await engine.output('docker', ['rm', '-f', id]);
});

test('a link to a container that is not there is refused in words that no client takes for a missing image', async () => {
  const body = { Image: 'busybox', Cmd: ['true'], HostConfig: { Links: ['nosuch:db'] } };
  expect(await refusal('/containers/create', body)).toBe(
    '400 {"message":"could not get container for nosuch: No such container: nosuch"}',
  );
});

test('a NUL byte in a command is refused when it is named, not when it is started', async () => {
  const create = await refusal('/containers/create', { Image: 'busybox', Cmd: ['echo', 'a\0b'] });
  expect(create).toBe('400 {"message":"invalid Cmd: a NUL byte cannot be passed to a program"}');
  const id = await engine.output('docker', ['run', '-d', '--network', 'none', 'busybox', 'sleep', '60']);
  expect(await refusal(`/containers/${id}/exec`, { Cmd: ['echo', '\0'] })).toBe(
    '400 {"message":"invalid Cmd: a NUL byte cannot be passed to a program"}',
  );
  await engine.output('docker', ['rm', '-f', id]);
});
