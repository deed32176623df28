import { afterAll, expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { defaultSpec, type HostFacts } from '@gantry/runtime';
import { closeBoxes, facts, openBox, runBox, sh } from './box.ts';

// A cgroup v2 host as far as this machine has one: its v2 tree, with whatever controllers are free. Starting in the
// cgroup, device programs and freezing need none.

afterAll(closeBoxes);

const tree = facts.cgroup.kind === 'v1' ? undefined : facts.cgroup.tree;
const host: HostFacts = tree === undefined ? facts : { ...facts, cgroup: { kind: 'v2', tree } };
const onTree = tree === undefined ? test.skip : test;
const denyAll = defaultSpec().linux?.resources?.devices ?? [];

onTree('a container starts in its cgroup and sees itself at the root of the tree', async () => {
  await using box = await openBox(['sleep', '100'], { host });
  expect(readFileSync(box.cgroup.procs, 'utf8').trim()).toBe(`${box.pid}`);
  expect((await box.exec(['grep', '0::', '/proc/1/cgroup'])).out).toBe('0::/\n');
  const mounts = (await box.exec(['grep', 'cgroup', '/proc/mounts'])).out;
  expect(mounts).toMatch(/^cgroup2? \/sys\/fs\/cgroup cgroup2 ro,nosuid,nodev,noexec/);
  expect(readFileSync(box.cgroup.procs, 'utf8').trim()).toBe(`${box.pid}`);
});

onTree('the device program refuses what the rules refuse', async () => {
  const devices = [...denyAll, { allow: true, type: 'c', major: 1, minor: 4, access: 'r' }];
  const questions = [
    'mknod /dev/disk b 8 0',
    'open /dev/disk r',
    'mknod /dev/mem2 c 1 1',
    'open /dev/mem2 r',
    'open /dev/null w',
  ];
  const line = questions.map((question) => `probe ${question}`).join(';');
  expect((await sh(line, { host, linux: { resources: { devices } } })).split('\n')).toEqual([
    'ok',
    'EPERM',
    'ok',
    'EPERM',
    'ok',
  ]);
});

onTree('a container that may use everything has no program', async () => {
  const linux = { resources: { devices: [{ allow: true }] } };
  expect(await sh('probe mknod /dev/mem2 c 1 1; probe open /dev/mem2 r', { host, linux })).not.toBe('ok\nEPERM\nEPERM');
});

onTree('freezing stops it and thawing lets it go on', async () => {
  await using box = await openBox(['sh', '-c', 'while :; do echo x; sleep 0.01; done'], { host });
  const { freeze } = box.cgroup;
  if (freeze === undefined) throw new Error('no freezer');
  writeFileSync(freeze.file, freeze.frozen);
  await waitFor(() => readFileSync(freeze.state, 'utf8').includes('frozen 1'));
  writeFileSync(freeze.file, freeze.thawed);
  const before = box.output().out.length;
  await waitFor(() => box.output().out.length > before);
});

onTree('an unknown unified file is refused by its name', async () => {
  const linux = { resources: { unified: { 'cgroup.no.such': '1' } } };
  await expect(runBox(['true'], { host, linux })).rejects.toThrow('cgroup.no.such');
});

async function waitFor(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2000; turn++) {
    if (condition()) return;
    await Bun.sleep(2);
  }
  throw new Error('the condition did not come true');
}
