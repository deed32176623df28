import { describe, expect, test } from 'bun:test';
import { type Choosing, chooseDriver } from './choose.ts';
import type { DriverName } from './driver.ts';

const choose = (given: Partial<Omit<Choosing, 'lacks'>>, lacking: Partial<Record<DriverName, string>> = {}): string =>
  chooseDriver({
    configured: '',
    present: undefined,
    dataRoot: '/data',
    ...given,
    lacks: (name) => lacking[name],
  });

const noOverlay = { overlay2: 'the kernel has no overlayfs' };
const noBtrfs = { btrfs: 'the disk is no btrfs but extfs' };
const noFuse = { 'fuse-overlayfs': 'there is no program fuse-overlayfs on this machine' };

test.each<[string, [Partial<Choosing>, Partial<Record<DriverName, string>>, DriverName]]>([
  ['overlay2 where it works, on a btrfs too', [{}, {}, 'overlay2']],
  ['btrfs on a btrfs, before a process for each root', [{}, noOverlay, 'btrfs']],
  ['fuse-overlayfs elsewhere', [{}, { ...noOverlay, ...noBtrfs }, 'fuse-overlayfs']],
  ['vfs last', [{}, { ...noOverlay, ...noBtrfs, ...noFuse }, 'vfs']],
  ['what was asked for', [{ configured: 'vfs' }, {}, 'vfs']],
  ['what made the data root, though a better one works', [{ present: 'vfs' }, {}, 'vfs']],
  ['what was asked for and made it', [{ configured: 'btrfs', present: 'btrfs' }, {}, 'btrfs']],
])('the driver is %s', (_, [given, lacking, chosen]) => {
  expect(choose(given, lacking)).toBe(chosen);
});

describe('refused, with what to do', () => {
  test.each<[Partial<Choosing>, Partial<Record<DriverName, string>>, string, string | undefined]>([
    [
      { configured: 'zfs' },
      {},
      'cannot use storage driver "zfs": there are overlay2, btrfs, fuse-overlayfs, vfs',
      undefined,
    ],
    [
      { configured: 'btrfs' },
      noBtrfs,
      'cannot use storage driver "btrfs" in "/data": the disk is no btrfs but extfs',
      'the driver that works here is taken without --storage-driver: overlay2',
    ],
    [
      { configured: 'vfs', present: 'overlay2' },
      {},
      'cannot use storage driver "vfs": the images and containers in "/data" were made by "overlay2"',
      'start with --storage-driver overlay2, or give this driver a --data-root of its own',
    ],
    [
      { present: 'overlay2' },
      noOverlay,
      'cannot use storage driver "overlay2" in "/data": the kernel has no overlayfs',
      'its images and containers need that: give the data root back the disk that it had',
    ],
  ])('%p', (given, lacking, ...[message, hint]) => {
    expect(() => choose(given, lacking)).toThrow(expect.objectContaining({ message, hint }));
  });
});
