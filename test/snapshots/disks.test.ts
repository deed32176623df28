import { expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSubvolume, mount, open, openDescriptor, openFlag, umount } from '@gantry/native';
import { lacksFor } from '../../packages/engine/src/snapshots/drivers/probe.ts';
import { ensurePrograms } from '../../tools/bootstrap.ts';
import { runCommand } from '../harness/command.ts';
import { gantryProgram, startEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';
import { openSmallDisk } from '../images/small-disk.ts';
import { layeredArchive } from './layered-image.ts';
import { openLoopDisk } from './loop-disk.ts';

setDefaultTimeout(60_000);
ensurePrograms('busybox', 'mkfs.btrfs', 'mount');

/** A directory on an overlay, as the root of a container has it. */
function openOverlay(): { readonly path: string } & Disposable {
  const disk = openSmallDisk(128 * 2 ** 20);
  const base = disk.path;
  for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(base, name));
  const options = ['lower', 'upper', 'work'].map((name) => `${name}dir=${join(base, name)}`).join(',');
  const path = join(base, 'merged');
  mount('overlay', path, { type: 'overlay', data: options });
  return {
    path,
    [Symbol.dispose]: () => {
      umount(path);
      disk[Symbol.dispose]();
    },
  };
}

test('a driver says what the disk lacks for it', () => {
  using overlay = openOverlay();
  expect(lacksFor('overlay2', overlay.path)).toMatch(
    /^the disk \(overlayfs\) takes no whiteouts \(character devices 0:0\): EPERM/,
  );
  expect(lacksFor('btrfs', overlay.path)).toBe('the disk is no btrfs but overlayfs');
  expect(lacksFor('vfs', overlay.path)).toBeUndefined();
  expect(readdirSync(overlay.path)).toEqual([]);
});

test('an engine inside a container, on an overlay, works with vfs and says so', async () => {
  using overlay = openOverlay();
  await using engine = await startEngine({ parent: overlay.path, execParent: tmpdir(), busybox: false });
  await engine.output('docker', ['load'], { stdin: await layeredArchive('layered:1') });
  const docker = (...argv: string[]): Promise<string> => engine.output('docker', argv);
  expect(await docker('info', '--format', '{{.Driver}} {{json .DriverStatus}}')).toBe('vfs null');
  expect(
    await docker('run', '--network', 'none', '--name', 'box', 'layered:1', 'sh', '-c', 'cat /d/gone; rm -r /d'),
  ).toBe('back');
  expect(await docker('diff', 'box')).toBe('D /d');
});

test('a driver that cannot be had is refused with what is missing and with what works', async () => {
  using directory = {
    path: mkdtempSync(join(tmpdir(), 'gantry-refused-')),
    [Symbol.dispose]: () => rmSync(directory.path, { recursive: true }),
  };
  const at = (name: string): string => join(directory.path, name);
  const roots = [
    '--data-root',
    at('data'),
    '--exec-root',
    at('run'),
    '--pidfile',
    at('pid'),
    '-H',
    `unix://${at('socket')}`,
  ];
  const { stderr, exitCode } = await runCommand([gantryProgram, 'daemon', ...roots, '--storage-driver', 'btrfs']);
  expect({ stderr, exitCode }).toEqual({
    stderr:
      `gantry daemon: cannot use storage driver "btrfs" in "${at('data')}": the disk is no btrfs but extfs\n` +
      'the driver that works here is taken without --storage-driver: overlay2\n',
    exitCode: 1,
  });
});

test('subvolumes that a container made go with it', async () => {
  if (!/\bbtrfs$/m.test(readFileSync('/proc/filesystems', 'utf8'))) {
    process.stdout.write('btrfs is not tested: the kernel of this machine has none\n');
    return;
  }
  await using disk = await openLoopDisk('btrfs', '256M');
  await using engine = await startEngine({ parent: disk.path, daemonArguments: ['-s', 'btrfs'] });
  await engine.output('docker', ['run', '--network', 'none', '--name', 'box', 'busybox', 'mkdir', '/below']);
  const layers = join(engine.dataRoot, 'layers');
  const own = readdirSync(layers).find((name) => readdirSync(join(layers, name, 'fs')).includes('below')) ?? '';
  using below = openDescriptor(open(join(layers, own, 'fs/below'), openFlag.readOnly | openFlag.directory));
  createSubvolume(below.fd, 'its-own');
  writeFileSync(join(layers, own, 'fs/below/its-own/file'), 'x');
  await engine.output('docker', ['rm', 'box']);
  await engine.output('docker', ['rmi', 'busybox']);
  // The files of a container go after its removal was answered.
  await waitFor('nothing is left', () => readdirSync(layers).join() === 'empty');
});

test('a copy that the disk has no room for fails the start with a word, and leaves nothing behind', async () => {
  using disk = openSmallDisk(16 * 2 ** 20);
  await using engine = await startEngine({ parent: disk.path, execParent: tmpdir(), daemonArguments: ['-s', 'vfs'] });
  const ballast = join(disk.path, 'ballast');
  await engine.output('docker', ['create', '--name', 'box', '--network', 'none', 'busybox', 'echo', 'runs']);
  const free = Number((await runCommand(['stat', '-f', '-c', '%f', disk.path])).stdout) * 4096;
  writeFileSync(ballast, Buffer.alloc(free - 1_000_000));
  const refused = await engine.run('docker', ['start', '-a', 'box']);
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain('no space left on device');
  rmSync(ballast);
  expect(await engine.output('docker', ['start', '-a', 'box'])).toBe('runs');
  await engine.output('docker', ['rm', 'box']);
  expect((await engine.run('gantry', ['system', 'fsck', '--verify'])).stdout).toMatch(/: nothing is wrong\n$/);
});
