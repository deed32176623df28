import { expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { spreadSubdirectories } from '@gantry/native';
import { ensurePrograms } from '../../tools/bootstrap.ts';
import { commandOutput } from '../harness/command.ts';
import { openImageRooms } from './image-rooms.ts';
import { openSmallDisk } from './small-disk.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

test('ext4 is asked to spread layers over the disk, and another filesystem is left alone', async () => {
  ensurePrograms('mkfs.ext4', 'mount');
  using disk = openSmallDisk(40 * 2 ** 20);
  const root = join(disk.path, 'root');
  const make = `mkdir '${root}'; truncate -s 32M '${root}.img'; mkfs.ext4 -q -F '${root}.img'; mount -o loop '${root}.img' '${root}'`;
  await commandOutput(['sh', '-euc', make]);
  await using _mount = { [Symbol.asyncDispose]: async () => void (await commandOutput(['umount', root])) };
  using _rooms = openImageRooms(root);
  const flags = (await commandOutput(['lsattr', '-d', join(root, 'layers')])).split(' ')[0];
  expect(flags).toContain('T');
  expect(spreadSubdirectories(disk.path)).toBe(false);
});
