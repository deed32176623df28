import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DriverName } from '../../packages/engine/src/snapshots/drivers/driver.ts';
import { lacksFor } from '../../packages/engine/src/snapshots/drivers/probe.ts';
import { ensurePrograms } from '../../tools/bootstrap.ts';
import { brokenInvariants } from '../crash/invariants.ts';
import { setTrap } from '../crash/kill-at.ts';
import { commandOutput, runCommand } from '../harness/command.ts';
import { gantryProgram, startEngine, type TestEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';
import { sha256 } from '../images/made-image.ts';
import { describeTar } from './describe-tar.ts';
import { layeredArchive } from './layered-image.ts';
import { type LoopDisk, openLoopDisk } from './loop-disk.ts';

/**
 * One suite for every driver, each on a disk of its own: whatever keeps the layers, images and containers are the same,
 * to the bit where anybody can see it.
 */

setDefaultTimeout(60_000);

const drivers: readonly { readonly name: DriverName; readonly filesystem: 'ext4' | 'btrfs' }[] = [
  { name: 'overlay2', filesystem: 'ext4' },
  { name: 'btrfs', filesystem: 'btrfs' },
  { name: 'fuse-overlayfs', filesystem: 'ext4' },
  { name: 'vfs', filesystem: 'ext4' },
];

ensurePrograms('strace', 'busybox', 'mkfs.ext4', 'mkfs.btrfs', 'fuse-overlayfs', 'mount');
const knows = (filesystem: string): boolean =>
  new RegExp(`\\b${filesystem}$`, 'm').test(readFileSync('/proc/filesystems', 'utf8'));
const archive = await layeredArchive('layered:1');
/** What the first driver showed, which the others must show too. */
const shown = new Map<string, unknown>();

/** Compares with the first driver, or keeps what it shows. */
function expectTheSame(what: string, value: unknown): void {
  if (!shown.has(what)) shown.set(what, value);
  expect(value).toEqual(shown.get(what));
}

for (const { name, filesystem } of drivers) {
  if (knows(filesystem)) describe(name, () => suite(name, filesystem));
  else process.stdout.write(`${name} is not tested: the kernel of this machine has no ${filesystem}\n`);
}

function suite(name: DriverName, filesystem: 'ext4' | 'btrfs'): void {
  let disk: LoopDisk;
  let engine: TestEngine;
  const docker = (...argv: string[]): Promise<string> => engine.output('docker', argv);
  const run = (...argv: string[]): Promise<string> => docker('run', '--network', 'none', ...argv);
  const bytesOf = async (path: string): Promise<Uint8Array> =>
    new Uint8Array(await (await engine.api('GET', path)).arrayBuffer());
  const exported = async (container: string): Promise<string[]> =>
    describeTar(await bytesOf(`/containers/${container}/export`));

  beforeAll(async () => {
    disk = await openLoopDisk(filesystem, '512M');
    expect(lacksFor(name, disk.path)).toBeUndefined();
    engine = await startEngine({
      parent: disk.path,
      daemonArguments: ['--storage-driver', name],
      busybox: false,
    });
    await engine.output('docker', ['load'], { stdin: archive });
  });

  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await disk[Symbol.asyncDispose]();
  });

  test('info names it', async () => {
    expect(await docker('info', '--format', '{{.Driver}}')).toBe(name);
    expect(await docker('image', 'inspect', '--format', '{{.GraphDriver.Name}}', 'layered:1')).toBe(name);
  });

  test('another driver does not take its data root', async () => {
    const other = name === 'vfs' ? 'overlay2' : 'vfs';
    await engine.stop();
    const roots = [
      '--data-root',
      engine.dataRoot,
      '--exec-root',
      engine.execRoot,
      '--pidfile',
      join(engine.root, 'pid'),
    ];
    const refused = await runCommand([gantryProgram, 'daemon', ...roots, '-s', other], { timeoutMs: 10_000 });
    const why = `cannot use storage driver "${other}": the images and containers in "${engine.dataRoot}" were made by "${name}"`;
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(why) });
    await engine.start();
  });

  test('an image is the same tree, and is saved as the same bytes', async () => {
    await docker('create', '--name', 'tree', 'layered:1');
    const tree = await exported('tree');
    expect(tree.length).toBeGreaterThan(300);
    expect(tree).toContainEqual(expect.stringMatching(/^directory d\/ 750 7:8 0:0 1600000000.123456789 {2}user.of=/));
    expect(
      tree
        .filter((line) => / (link|opaque|was-\w+|gone|new|never)\b/.test(line))
        .map((line) => line.split(' ').slice(0, 2).join(' ')),
    ).toEqual([
      'directory gone/',
      'directory link/',
      'file link/through',
      'directory never/',
      'directory new/',
      'directory new/deep/',
      'file new/deep/file',
      'directory opaque/',
      'file was-directory',
      'directory was-file/',
      'file was-file/inside',
    ]);
    expectTheSame('tree', tree);
    expectTheSame('saved', sha256(await bytesOf('/images/layered:1/get')));
    expectTheSame('sizes', await docker('images', '--format', '{{.Repository}} {{.Size}}'));
    await docker('rm', 'tree');
  });

  test('what a container writes is seen by diff, commit, cp and export, and is there at its next start', async () => {
    const script = [
      'if [ -e /new-file ]; then cat /new-file; exit; fi',
      'echo written > /new-file; echo more >> /d/changed; rm -r /new; mkdir /new; rm /d/gone; ln /big /big-again',
      'mv /setuid /moved; chmod 700 /was-file; touch -d @1600000000 /capable; mkdir /fresh; : > /fresh/file; ln -s x /l',
    ].join('\n');
    await run('--name', 'writer', 'layered:1', 'sh', '-c', script);
    const changes = await docker('diff', 'writer');
    expect(changes.split('\n')).toEqual([
      'C /big',
      'A /big-again',
      'C /capable',
      'C /d',
      'C /d/changed',
      'D /d/gone',
      'A /fresh',
      'A /fresh/file',
      'A /l',
      'A /moved',
      'C /new',
      'D /new/deep',
      'A /new-file',
      'D /setuid',
      'C /was-file',
    ]);
    expectTheSame('exported', await exported('writer'));
    expectTheSame('changed bytes', await docker('ps', '-as', '--filter', 'name=writer', '--format', '{{.Size}}'));
    expect(await docker('start', '-a', 'writer')).toBe('written');

    await docker('commit', 'writer', 'committed:1');
    await docker('create', '--name', 'of-commit', 'committed:1');
    // The engine's own mount points are no part of a commit.
    const own = (lines: string[]): string[] => lines.filter((line) => !/^\w+ (etc|dev|proc|sys)\//.test(line));
    expect(own(await exported('of-commit'))).toEqual(own(await exported('writer')));

    writeFileSync(join(engine.root, 'sent'), 'sent');
    for (const container of ['writer', 'of-commit']) {
      await docker('cp', join(engine.root, 'sent'), `${container}:/new/sent`);
      expect(
        describeTar(Buffer.from((await docker('cp', `${container}:/new/sent`, '-')) + '\0'.repeat(1024))).length,
      ).toBe(1);
    }
    expect(await docker('diff', 'of-commit')).toBe('C /new\nA /new/sent');
    await docker('rm', 'writer', 'of-commit');
    await docker('rmi', 'committed:1');
  });

  test('a container lives through the death of the daemon, and its root dies with it', async () => {
    await run('-d', '--name', 'survivor', 'layered:1', 'sh', '-c', 'echo one > /kept; exec sleep 1000');
    await engine.kill9();
    await engine.start();
    expect(await docker('exec', 'survivor', 'sh', '-c', 'echo two >> /kept; cat /kept')).toBe('one\ntwo');
    await docker('cp', 'survivor:/kept', join(engine.root, 'kept'));
    expect(readFileSync(join(engine.root, 'kept'), 'utf8')).toBe('one\ntwo\n');
    expect(await docker('diff', 'survivor')).toBe('A /kept');
    await docker('restart', '-t', '0', 'survivor');
    expect(await docker('exec', 'survivor', 'cat', '/kept')).toBe('one');
    await docker('kill', 'survivor');
    await waitFor('nothing serves its root', () => servers(engine).length === 0);
    await docker('rm', 'survivor');
    expect(mountsBelow(engine.root)).toEqual([]);
  });

  test('df is what du finds, and what a removal says it frees is freed', async () => {
    await run('--name', 'sized', 'layered:1', 'sh', '-c', 'dd if=/dev/zero of=/zeros bs=1000 count=500 2>/dev/null');
    const { LayersSize, Containers } = (await (await engine.api('GET', '/system/df')).json()) as {
      LayersSize: number;
      Containers: readonly { SizeRw?: number }[];
    };
    const containers = Containers.reduce((sum, { SizeRw = 0 }) => sum + SizeRw, 0);
    if (name === 'btrfs') expect({ LayersSize, containers }).toEqual(shown.get('df') as never);
    else expect(LayersSize + containers).toBe(await measured(engine.dataRoot));
    if (name === 'overlay2') shown.set('df', { LayersSize, containers });
    const { SpaceReclaimed } = (await (await engine.api('POST', '/containers/prune')).json()) as {
      SpaceReclaimed: number;
    };
    expect(SpaceReclaimed).toBe(containers);
  });

  if (name === 'btrfs')
    test('a copy takes no room on the disk until it is written to', async () => {
      const used = async (): Promise<number> => {
        await commandOutput(['btrfs', 'filesystem', 'sync', disk.path]);
        const text = await commandOutput(['btrfs', 'filesystem', 'df', '--raw', disk.path]);
        return Number(/^Data, .*used=(\d+)/m.exec(text)?.[1]);
      };
      const before = await used();
      for (let i = 0; i < 8; i++) await run('--name', `copy-${i}`, 'layered:1', 'true');
      expect((await used()) - before).toBeLessThan(4_000_000);
      await docker('container', 'prune', '-f');
    });

  // The crash suite does it with overlay2, and with all that an engine does.
  if (name !== 'overlay2')
    test('a daemon that dies at any step leaves a world that the next one explains', async () => {
      const operations = [
        {
          argv: ['run', '--name', 'subject', '--network', 'none', 'layered:1', 'sh', '-c', 'echo x > /x'],
          clean: ['rm', '-f', 'subject'],
        },
        { argv: ['load'], clean: ['rmi', '-f', 'layered:1'] },
      ];
      for (const { argv, clean } of operations)
        for (let step = 2; step < 400; step *= 4) {
          {
            await using _trap = await setTrap(engine.pid(), step);
            await engine.run('docker', argv, { timeoutMs: 30_000, ...(argv[0] === 'load' ? { stdin: archive } : {}) });
          }
          const died = !(await engine.api('GET', '/_ping').then(
            ({ ok }) => ok,
            () => false,
          ));
          await engine.kill9();
          await engine.start();
          expect({ argv, step, broken: await brokenInvariants(engine) }).toEqual({ argv, step, broken: [] });
          await engine.run('docker', clean);
          if (argv[0] === 'load') await engine.output('docker', ['load'], { stdin: archive });
          expect(await run('--rm', 'layered:1', 'cat', '/d/gone')).toBe('back');
          if (!died) break;
        }
      expect((await engine.run('gantry', ['system', 'fsck', '--verify'])).stdout).toMatch(/: nothing is wrong\n$/);
    });

  test('with the last image gone nothing is left', async () => {
    await docker('rmi', 'layered:1');
    const layers = join(engine.dataRoot, 'layers');
    await waitFor('nothing is left', () => readdirSync(layers).join() === 'empty');
    if (name === 'btrfs') {
      const subvolumes = async (): Promise<string> => await commandOutput(['btrfs', 'subvolume', 'list', disk.path]);
      expect(await subvolumes()).toBe('');
    }
  });
}

/** The processes of user space that serve a root of this engine. */
function servers({ dataRoot }: TestEngine): string[] {
  const layers = readdirSync(join(dataRoot, 'layers'));
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .map(commandLineOf)
    .filter((line) => layers.some((layer) => line.includes(`upperdir=${layer}/fs`)));
}

function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it has ended since it was listed
  }
}

function mountsBelow(path: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(` ${path}/`));
}

/** As `system df` counts: apparent sizes of files, each inode once. */
async function measured(dataRoot: string): Promise<number> {
  const script =
    'find layers blobs ! -type d -printf "%D:%i %s\\n" | sort -u | awk \'{ sum += $2 } END { print sum + 0 }\'';
  return Number(await commandOutput(['sh', '-ec', `cd "${dataRoot}"; ${script}`]));
}
