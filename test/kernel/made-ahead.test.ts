import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mount, umount } from '@gantry/native';
import { commandOutput } from '../harness/command.ts';
import { startEngine, type TestEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
}, 60_000);

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
}, 60_000);

type Process = { readonly pid: number; readonly parent: number };

/** Shims and their children that were made and have no plan yet: a shim with one stands in its task's directory. */
function waitingShims(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name): Process[] => {
      try {
        if (!readFileSync(`/proc/${name}/cmdline`, 'utf8').startsWith('gantry-shim\0')) return [];
        if (readlinkSync(`/proc/${name}/cwd`) !== '/') return [];
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return [{ pid: Number(name), parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) }];
      } catch {
        return []; // it ended while it was looked at
      }
    });
}

/** The pair that waits for this engine's next container: a shim, and the child it has made. */
async function waitingPair(): Promise<{ shim: Process; child: Process }> {
  let pair: { shim: Process; child: Process } | undefined;
  await waitFor('a shim stands ready with a child', async () => {
    const all = waitingShims();
    const shim = all.find(({ parent }) => parent === engine.pid());
    const child = all.find(({ parent }) => parent === shim?.pid);
    pair = shim === undefined || child === undefined ? undefined : { shim, child };
    return pair !== undefined;
  });
  if (pair === undefined) throw new Error('unreachable: it was waited for');
  return pair;
}

const run = (...words: string[]): Promise<string> =>
  engine.output('docker', ['run', '--rm', '--network', 'none', ...words]);

test('a container takes over the child that was made before its plan was known', async () => {
  await run('busybox', 'true');
  const { child } = await waitingPair();
  const id = await engine.output('docker', ['run', '-d', '--network', 'none', 'busybox', 'sleep', '60']);
  expect(await engine.output('docker', ['inspect', '-f', '{{.State.Pid}}', id])).toBe(String(child.pid));
  await engine.output('docker', ['rm', '-f', id]);
});

test('a mount that the host made since is what a bind shows, and not what lies below it', async () => {
  const place = join(engine.root, 'place');
  mkdirSync(place);
  writeFileSync(join(place, 'below'), '');
  await run('busybox', 'true');
  await waitingPair();
  mount('tmpfs', place, { type: 'tmpfs', data: 'size=64k' });
  try {
    writeFileSync(join(place, 'above'), '');
    expect(await run('-v', `${place}:/place`, 'busybox', 'ls', '/place')).toBe('above');
  } finally {
    umount(place);
  }
});

test('what waits keeps nothing mounted that the host unmounts', async () => {
  await run('busybox', 'true');
  const { child } = await waitingPair();
  expect(readlinkSync(`/proc/${child.pid}/ns/mnt`)).toBe(readlinkSync('/proc/self/ns/mnt'));
  expect(readlinkSync(`/proc/${child.pid}/ns/pid_for_children`)).not.toBe(readlinkSync('/proc/self/ns/pid'));
});

test('a mount that became shared since passes on what is mounted below it', async () => {
  const place = join(engine.root, 'shared');
  mkdirSync(place);
  mount('tmpfs', place, { type: 'tmpfs', data: 'size=64k' });
  try {
    await commandOutput(['mount', '--make-private', place]);
    mkdirSync(join(place, 'later'));
    await run('busybox', 'true');
    await waitingPair();
    await commandOutput(['mount', '--make-shared', place]);
    const words = ['-d', '--network', 'none', '-v', `${place}:/x:rslave`, 'busybox', 'sleep', '60'];
    const id = await engine.output('docker', ['run', ...words]);
    mount('tmpfs', join(place, 'later'), { type: 'tmpfs', data: 'size=64k' });
    writeFileSync(join(place, 'later', 'seen'), '');
    expect(await engine.output('docker', ['exec', id, 'ls', '/x/later'])).toBe('seen');
    umount(join(place, 'later'));
    await engine.output('docker', ['rm', '-f', id]);
  } finally {
    umount(place);
  }
});

test('a container that wants other namespaces gets them', async () => {
  await run('busybox', 'true');
  await waitingPair();
  const ours = readlinkSync('/proc/self/ns/pid');
  expect(await run('busybox', 'readlink', '/proc/self/ns/pid')).not.toBe(ours);
  await waitingPair();
  expect(await run('--pid', 'host', 'busybox', 'readlink', '/proc/self/ns/pid')).toBe(ours);
  await waitingPair();
  expect(await run('busybox', 'readlink', '/proc/self/ns/pid')).not.toBe(ours);
});

test('a shim that was killed while it waited costs nobody a start', async () => {
  await run('busybox', 'true');
  const { shim, child } = await waitingPair();
  process.kill(shim.pid, 'SIGKILL');
  await waitFor('the child follows', async () => !waitingShims().some(({ pid }) => pid === child.pid));
  expect(await run('busybox', 'echo', 'here')).toBe('here');
});

test('a child that was killed while it waited costs nobody a start', async () => {
  await run('busybox', 'true');
  const { child } = await waitingPair();
  process.kill(child.pid, 'SIGKILL');
  expect(await run('busybox', 'echo', 'here')).toBe('here');
});

test('what waits ends with its daemon, however that ends', async () => {
  await run('busybox', 'true');
  const { shim, child } = await waitingPair();
  await engine.kill9();
  await waitFor('both end', async () => !waitingShims().some(({ pid }) => pid === shim.pid || pid === child.pid));
  await engine.start();
});
