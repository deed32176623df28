import { expect, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isEngineError, KeyedLock } from '@gantry/base';
import { type CgroupFiles, cgroupFiles, ensureCgroupParent, probeHostFacts } from '@gantry/runtime';
import { readLimitFacts } from '../../packages/engine/src/containers/limit-facts.ts';
import { pauseContainer, unpauseContainer } from '../../packages/engine/src/containers/pause.ts';
import { sampleRecord } from '../../packages/engine/src/containers/record-fixture.ts';
import { sampleContainer } from '../../packages/engine/src/containers/sample.ts';
import { openContainerStore } from '../../packages/engine/src/containers/store.ts';
import { topContainer } from '../../packages/engine/src/containers/top.ts';
import { updateContainer } from '../../packages/engine/src/containers/update.ts';
import { openDb } from '../../packages/engine/src/db/index.ts';
import { openEvents } from '../../packages/engine/src/events/index.ts';

const facts = probeHostFacts();

/** A row that says "running", a cgroup of its own for it, and a real process in it. */
async function openBox(command: readonly string[]) {
  const stack = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), 'gantry-records-'));
  stack.defer(() => rmSync(directory, { recursive: true }));
  const parent = `/gantry-records-${process.pid}-${directory.slice(-6)}`;
  const record = sampleRecord(7, { name: 'box' });
  ensureCgroupParent(facts.cgroup, parent);
  stack.defer(() => removeCgroup(cgroupFiles(facts.cgroup, parent)));
  const files = cgroupFiles(facts.cgroup, `${parent}/${record.id}`);
  for (const path of files.directories) mkdirSync(path, { recursive: true });
  stack.defer(() => removeCgroup(files));

  const child = spawn(command[0] ?? '', command.slice(1), { cwd: directory, stdio: 'ignore' });
  const pid = child.pid ?? 0;
  stack.defer(async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null && child.kill('SIGKILL')) await gone;
  });
  for (const path of files.directories) writeFileSync(`${path}/cgroup.procs`, String(pid));

  const db = stack.use(openDb(':memory:'));
  const store = openContainerStore(db);
  store.insert({ ...record, status: { kind: 'running', pid, startedAt: new Date(), paused: false } });
  const events = openEvents({ db, clock: () => BigInt(Date.now()) * 1_000_000n });
  const deps = {
    ...{ db, store, events, facts, locks: new KeyedLock(), limits: readLimitFacts(facts) },
    ...{ cgroupParent: parent, now: () => new Date() },
  };
  return { deps, directory, files, pid, id: record.id, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

function removeCgroup(files: CgroupFiles): void {
  for (const path of files.directories) if (existsSync(path)) rmdirSync(path);
}

async function until(fact: () => boolean): Promise<void> {
  while (!fact()) await new Promise((resolve) => setImmediate(resolve));
}

async function refusal(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (isEngineError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'nothing was refused';
}

const counting = ['sh', '-c', 'n=0; while :; do n=$((n+1)); echo $n > count; done'];

test('a paused process stands still and goes on where it was', async () => {
  await using box = await openBox(counting);
  const count = (): number => Number(readFileSync(join(box.directory, 'count'), 'utf8'));
  await until(() => existsSync(join(box.directory, 'count')) && count() > 10);
  await pauseContainer(box.deps, 'box');
  const frozenAt = count();
  const ticks = readFileSync(`/proc/${box.pid}/stat`, 'utf8');
  for (let look = 0; look < 200; look++) await new Promise((resolve) => setImmediate(resolve));
  expect(count()).toBe(frozenAt);
  expect(readFileSync(`/proc/${box.pid}/stat`, 'utf8')).toBe(ticks);
  expect(await refusal(() => pauseContainer(box.deps, 'box'))).toBe(`conflict: Container ${box.id} is already paused`);
  await unpauseContainer(box.deps, 'box');
  await until(() => count() > frozenAt);
  expect(await refusal(() => unpauseContainer(box.deps, 'box'))).toBe(`conflict: Container ${box.id} is not paused`);
});

/** What was allocated before the process stood in its cgroup is not counted there, so it waits for a word. */
const filling = [
  'sh',
  '-c',
  'until [ -e go ]; do :; done; x=$(head -c 16000000 /dev/zero | tr "\\0" x); while :; do :; done',
];

test('a sample tells processor time, memory and processes of the cgroup alone', async () => {
  await using box = await openBox(filling);
  const first = await sampleContainer(box.deps, 'box');
  writeFileSync(join(box.directory, 'go'), '');
  let second = first;
  while ((second?.memoryUsageBytes ?? 0) < 16_000_000 || second?.pids !== 1)
    second = await sampleContainer(box.deps, 'box');
  expect(second.memoryUsageBytes).toBeLessThan(128 * 2 ** 20);
  expect(second.memoryLimitBytes).toBeGreaterThan(2 ** 30);
  expect(second.pidsLimit).toBe(0);
  expect(second.cpuTotalNanos).toBeGreaterThan(first?.cpuTotalNanos ?? 0);
  expect(second.systemCpuNanos).toBeGreaterThan(second.cpuTotalNanos);
  expect(second.networks).not.toHaveProperty('lo');
});

test('one that does not run has no sample, cannot be paused and shows no processes', async () => {
  await using box = await openBox(['sleep', '1000']);
  box.deps.store.setStatus(box.id, { kind: 'created' });
  expect(await sampleContainer(box.deps, 'box')).toBeUndefined();
  expect(await refusal(() => pauseContainer(box.deps, 'box'))).toBe(`conflict: container ${box.id} is not running`);
  expect(await refusal(() => topContainer(box.deps, 'box', ''))).toBe(`conflict: container ${box.id} is not running`);
});

test('top shows the processes of the container and no others, in any format with a PID column', async () => {
  await using box = await openBox(['sleep', '1000']);
  const table = await topContainer(box.deps, 'box', '');
  expect(table.titles).toEqual(['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD']);
  expect(table.processes.map((line) => [line[1], line[7]])).toEqual([[String(box.pid), 'sleep 1000']]);
  const own = await topContainer(box.deps, 'box', '-o pid,args');
  expect(own.processes).toEqual([[String(box.pid), 'sleep 1000']]);
  const wide = await topContainer(box.deps, 'box', 'aux');
  expect(wide.processes.map((line) => line[1])).toEqual([String(box.pid)]);
  expect(await refusal(() => topContainer(box.deps, 'box', '-o user=PID'))).toBe(
    'invalid: specifying "user=PID" is not allowed',
  );
  expect(await refusal(() => topContainer(box.deps, 'box', '--odd'))).toStartWith('internal: ps: ');
});

test('processes in cgroups that the container made are its own too', async () => {
  await using box = await openBox(['sleep', '1000']);
  const inner = box.files.directories.map((path) => join(path, 'inner'));
  for (const path of inner) mkdirSync(path);
  try {
    for (const path of inner) {
      // A new cpuset lets nobody in before it has CPUs and memory of its own.
      for (const key of ['cpuset.cpus', 'cpuset.mems'])
        if (existsSync(join(path, key))) writeFileSync(join(path, key), readFileSync(join(path, '..', key)));
      writeFileSync(join(path, 'cgroup.procs'), String(box.pid));
    }
    expect((await topContainer(box.deps, 'box', '-o pid')).processes).toEqual([[String(box.pid)]]);
  } finally {
    for (const path of box.files.directories) writeFileSync(join(path, 'cgroup.procs'), String(box.pid));
    for (const path of inner) rmdirSync(path);
  }
});

test('an update holds at once for a running container, raised and lowered', async () => {
  await using box = await openBox(['sleep', '1000']);
  const limit = async (): Promise<number | undefined> => (await sampleContainer(box.deps, 'box'))?.memoryLimitBytes;
  const change = (resources: object) => updateContainer(box.deps, 'box', { resources, restartPolicy: undefined });
  await change({ memoryBytes: 64 * 2 ** 20, memorySwapBytes: 128 * 2 ** 20, pidsLimit: 50 });
  expect(await limit()).toBe(64 * 2 ** 20);
  expect((await sampleContainer(box.deps, 'box'))?.pidsLimit).toBe(50);
  await change({ memoryBytes: 256 * 2 ** 20, memorySwapBytes: 512 * 2 ** 20 });
  expect(await limit()).toBe(256 * 2 ** 20);
  await change({ memoryBytes: 32 * 2 ** 20, memorySwapBytes: 64 * 2 ** 20 });
  expect(await limit()).toBe(32 * 2 ** 20);
  expect(box.deps.store.get(box.id).hostConfig).toMatchObject({ memoryBytes: 32 * 2 ** 20, pidsLimit: 50 });
});

test('an update that is refused leaves the limits as they were', async () => {
  await using box = await openBox(['sleep', '1000']);
  const change = (resources: object) => () => updateContainer(box.deps, 'box', { resources, restartPolicy: undefined });
  await change({ memoryBytes: 64 * 2 ** 20, memorySwapBytes: 64 * 2 ** 20 })();
  expect(await refusal(change({ memoryBytes: 128 * 2 ** 20 }))).toBe(
    `conflict: Cannot update container ${box.id}: Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time`,
  );
  expect(await refusal(change({ memoryBytes: 4096 }))).toBe('invalid: Minimum memory limit allowed is 6MB');
  expect((await sampleContainer(box.deps, 'box'))?.memoryLimitBytes).toBe(64 * 2 ** 20);
});
