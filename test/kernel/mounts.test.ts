import { afterAll, expect, test } from 'bun:test';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mount, umount } from '@gantry/native';
import type { RuntimeMount } from '@gantry/oci';
import { defaultMounts } from '@gantry/runtime';
import { type BoxChange, closeBoxes, openBox, runBox, sh } from './box.ts';

afterAll(closeBoxes);

/** A host directory with a file `canary` and a second file system mounted at `inner`, all of it gone at the end. */
function hostDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'gantry-kernel-host-'));
  writeFileSync(join(path, 'canary'), 'alive\n');
  mkdirSync(join(path, 'inner'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

function withInner(path: string): Disposable {
  mount('tmpfs', join(path, 'inner'), { type: 'tmpfs' });
  writeFileSync(join(path, 'inner', 'deep'), 'deep\n');
  return { [Symbol.dispose]: () => umount(join(path, 'inner'), 2) };
}

const bind = (source: string, ...options: readonly string[]): BoxChange => ({
  spec: { mounts: [...defaultMounts, { destination: '/data', type: 'bind', source, options }] },
});

test('a bind shows the host directory, writable', async () => {
  using host = hostDirectory();
  expect(await sh('cat /data/canary; echo hi > /data/new', bind(host.path, 'rbind', 'rprivate'))).toBe('alive');
  expect(readFileSync(join(host.path, 'new'), 'utf8')).toBe('hi\n');
});

test('a read-only bind takes no writes, and its options cannot be loosened', async () => {
  using host = hostDirectory();
  const line = 'probe create /data/new; probe remount /data; grep " /data " /proc/mounts';
  const change = bind(host.path, 'rbind', 'ro', 'nosuid', 'nodev', 'noexec');
  expect(await sh(line, change)).toMatch(/^EROFS\nEPERM\n\S+ \/data ext4 ro,nosuid,nodev,noexec/);
});

test('rbind brings the mounts below, bind does not; ro holds for the top, rro for all', async () => {
  using host = hostDirectory();
  using _inner = withInner(host.path);
  expect(await sh('cat /data/inner/deep', bind(host.path, 'rbind'))).toBe('deep');
  expect(await sh('ls /data/inner', bind(host.path, 'bind'))).toBe('');
  const write = 'probe create /data/x; probe create /data/inner/x';
  expect(await sh(write, bind(host.path, 'rbind', 'ro'))).toBe('EROFS\nok');
  expect(await sh(write, bind(host.path, 'rbind', 'rro'))).toBe('EROFS\nEROFS');
});

test('a private bind sees no later mount of the host, a slave does, and a shared one gives its own back', async () => {
  using host = hostDirectory();
  mount(host.path, host.path, { flags: 0x1000 });
  using _self = { [Symbol.dispose]: () => umount(host.path, 2) };
  mount('none', host.path, { flags: 1 << 20 });
  for (const [option, seen] of [
    ['rprivate', ''],
    ['rslave', 'deep'],
    ['rshared', 'deep'],
  ] as const) {
    await using box = await openBox(['sleep', '100'], bind(host.path, 'rbind', option));
    using _inner = withInner(host.path);
    expect((await box.exec(['sh', '-c', 'cat /data/inner/deep 2>/dev/null'])).out.trim()).toBe(seen);
  }
});

test('a file is bound onto a file that is made for it', async () => {
  using host = hostDirectory();
  const mounts: RuntimeMount[] = [
    ...defaultMounts,
    { destination: '/etc/new/hosts', type: 'bind', source: join(host.path, 'canary'), options: ['rbind', 'ro'] },
  ];
  expect(await sh('cat /etc/new/hosts; probe stat /etc/new', { spec: { mounts } })).toMatch(/^alive\nd 0:0 755/);
});

test('a missing source is refused by name', async () => {
  await expect(runBox(['true'], bind('/no/such/source', 'rbind'))).rejects.toThrow('/no/such/source');
});

test('a tmpfs has its size and mode, and can be read-only', async () => {
  const mounts = [
    ...defaultMounts,
    { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'size=1m', 'mode=700', 'noexec'] },
    { destination: '/run', type: 'tmpfs', source: 'tmpfs', options: ['ro'] },
  ];
  const line =
    'probe stat /tmp; dd if=/dev/zero of=/tmp/x bs=1024 count=2000 2>&1 | grep -c "No space"; probe create /run/x';
  expect(await sh(line, { spec: { mounts } })).toBe('d 0:0 700 0:0\n1\nEROFS');
});

test('a subpath is resolved inside its volume and never outside', async () => {
  using host = hostDirectory();
  mkdirSync(join(host.path, 'sub'));
  writeFileSync(join(host.path, 'sub', 'file'), 'sub\n');
  symlinkSync('/etc', join(host.path, 'out'));
  const at = (subpath: string): BoxChange => ({
    ...bind(host.path, 'rbind'),
    context: { subpaths: { '/data': subpath } },
  });
  expect(await sh('cat /data/file', at('sub'))).toBe('sub');
  await expect(runBox(['true'], at('out'))).rejects.toThrow('mountBind');
  await expect(runBox(['true'], at('../../etc'))).rejects.toThrow('mountBind');
});

test('an empty volume takes what the image has at its place, and keeps it', async () => {
  using host = hostDirectory();
  const volume = join(host.path, 'inner');
  const change: BoxChange = {
    ...bind(volume, 'rbind'),
    context: { copyUp: [{ source: '/data', hostTarget: volume }] },
  };
  expect(await sh('cat /data/from-image', change)).toBe('image');
  writeFileSync(join(volume, 'from-image'), 'changed\n');
  expect(existsSync(join(volume, 'from-image'))).toBe(true);
});
