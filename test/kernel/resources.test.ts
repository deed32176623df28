import { afterAll, expect, test } from 'bun:test';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import type { LinuxResources } from '@gantry/oci';
import { compileUpdate, defaultSpec } from '@gantry/runtime';
import { boxSpec, cgroupParent, closeBoxes, facts, openBox, probe, runBox, sh } from './box.ts';

afterAll(closeBoxes);

const denyAll = defaultSpec().linux?.resources?.devices ?? [];
const limited = (resources: LinuxResources) => ({ linux: { resources: { devices: denyAll, ...resources } } });
const read = (directory: string | undefined, file: string): string =>
  readFileSync(`${directory}/${file}`, 'utf8').trim();

// These tests read v1 file names; a v2 host is covered by the goldens.
const v1 = facts.cgroup.kind === 'v2' ? test.skip : test;

v1('limits stand in the files of the cgroup', async () => {
  const resources = {
    memory: { limit: 64 * 2 ** 20, swap: 64 * 2 ** 20, reservation: 32 * 2 ** 20, swappiness: 5 },
    cpu: { shares: 512, quota: 50000, period: 100000, cpus: '0', mems: '0' },
    pids: { limit: 33 },
    blockIO: { throttleReadBpsDevice: [{ major: rootMajor(), minor: rootMinor(), rate: 1048576 }] },
  };
  await using box = await openBox(['sleep', '100'], limited(resources));
  const { memory, cpu, pids, blkio } = box.cgroup;
  expect({
    limit: read(memory, 'memory.limit_in_bytes'),
    swap: read(memory, 'memory.memsw.limit_in_bytes'),
    reservation: read(memory, 'memory.soft_limit_in_bytes'),
    swappiness: read(memory, 'memory.swappiness'),
    shares: read(cpu, 'cpu.shares'),
    quota: read(cpu, 'cpu.cfs_quota_us'),
    pids: read(pids, 'pids.max'),
    blkio: read(blkio, 'blkio.throttle.read_bps_device'),
    procs: read(memory, 'cgroup.procs'),
  }).toEqual({
    limit: '67108864',
    swap: '67108864',
    reservation: '33554432',
    swappiness: '5',
    shares: '512',
    quota: '50000',
    pids: '33',
    blkio: `${rootMajor()}:${rootMinor()} 1048576`,
    procs: `${box.pid}`,
  });
});

function rootMajor(): number {
  return wholeDisk() >> 8;
}

function rootMinor(): number {
  return wholeDisk() & 0xff;
}

/** Throttling takes whole disks; the root file system of the test machine lies on one. */
function wholeDisk(): number {
  return statSync('/').dev;
}

v1('every hierarchy holds the process, and it sees itself at their roots', async () => {
  await using box = await openBox(['sleep', '100']);
  for (const directory of box.cgroup.directories) expect(read(directory, 'cgroup.procs')).toBe(`${box.pid}`);
  const inside = (await box.exec(['cat', '/proc/1/cgroup'])).out.trim().split('\n');
  expect(inside.filter((line) => !line.endsWith(':/'))).toEqual([]);
  expect(inside.join('\n')).not.toContain(cgroupParent);
});

test('a process that eats more memory than it may is killed, and the record says so', async () => {
  const { out, record } = await runBox(
    ['probe', 'eat', '200'],
    limited({ memory: { limit: 32 * 2 ** 20, swap: 32 * 2 ** 20 } }),
  );
  expect(out).toBe('');
  expect(record).toMatchObject({ exitCode: 137, signal: 9, oomKilled: true });
});

test('an ordinary end is not called an OOM kill', async () => {
  const { out, record } = await runBox(
    ['probe', 'eat', '8'],
    limited({ memory: { limit: 32 * 2 ** 20, swap: 32 * 2 ** 20 } }),
  );
  expect([out, record.exitCode, record.oomKilled]).toEqual(['ok\n', 0, false]);
});

test('a fork bomb stops at the limit', async () => {
  const answer = await probe('forks 500', limited({ pids: { limit: 20 } }));
  expect(answer).toBe('19 EAGAIN');
});

test('the process runs on the CPUs it was given', async () => {
  expect(await probe('cpus', limited({ cpu: { cpus: '0' } }))).toBe('1');
});

test('a device that is not allowed can be made and not opened', async () => {
  const questions = [
    'mknod /dev/disk b 8 0',
    'open /dev/disk r',
    'mknod /dev/mem2 c 1 1',
    'open /dev/mem2 r',
    'open /dev/null w',
    'open /dev/zero r',
  ];
  const answers = await sh(questions.map((question) => `probe ${question}`).join(';'));
  expect(answers.split('\n')).toEqual(['ok', 'EPERM', 'ok', 'EPERM', 'ok', 'ok']);
});

test('a device that is allowed can be opened as far as it is allowed', async () => {
  const devices = [...denyAll, { allow: true, type: 'c', major: 1, minor: 1, access: 'r' }];
  const change = {
    linux: { resources: { devices }, devices: [{ type: 'c', path: '/dev/mem2', major: 1, minor: 1 }] },
  };
  // Reading physical memory takes a capability that no default container has: getting as far as that is the proof.
  const answers = await sh('probe open /dev/mem2 w; probe open /dev/mem2 r', change);
  expect(answers.split('\n')[0]).toBe('EPERM');
});

v1('limits of a running container change', async () => {
  await using box = await openBox(['sleep', '100'], limited({ memory: { limit: 64 * 2 ** 20, swap: 64 * 2 ** 20 } }));
  const change = { memory: { limit: 128 * 2 ** 20, swap: 256 * 2 ** 20 }, cpu: { shares: 99 }, pids: { limit: -1 } };
  const context = { facts, cgroupPath: `${cgroupParent}/${box.id}`, currentMemoryLimit: 64 * 2 ** 20 };
  for (const { path, data } of compileUpdate(change, context)) writeFileSync(path, data);
  expect(read(box.cgroup.memory, 'memory.limit_in_bytes')).toBe('134217728');
  expect(read(box.cgroup.memory, 'memory.memsw.limit_in_bytes')).toBe('268435456');
  expect(read(box.cgroup.cpu, 'cpu.shares')).toBe('99');
  expect(read(box.cgroup.pids, 'pids.max')).toBe('max');
});

test('a container is frozen and thawed through its cgroup', async () => {
  await using box = await openBox(['sh', '-c', 'while :; do echo x; sleep 0.01; done']);
  const { freeze } = box.cgroup;
  if (freeze === undefined) throw new Error('no freezer');
  writeFileSync(freeze.file, freeze.frozen);
  await waitFor(() => readFileSync(freeze.state, 'utf8').includes(facts.cgroup.kind === 'v2' ? 'frozen 1' : 'FROZEN'));
  const before = box.output().out.length;
  writeFileSync(freeze.file, freeze.thawed);
  await waitFor(() => box.output().out.length > before);
});

async function waitFor(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2000; turn++) {
    if (condition()) return;
    await Bun.sleep(2);
  }
  throw new Error('the condition did not come true');
}

test('a limit that the kernel refuses fails the start, by its file', async () => {
  await expect(runBox(['true'], limited({ cpu: { cpus: '9999' } }))).rejects.toThrow('cpuset.cpus');
});

test('the standard document has a device policy', () =>
  expect(boxSpec([]).linux?.resources?.devices).toEqual([...denyAll]));
