import { expect, setDefaultTimeout, test } from 'bun:test';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { statfs } from '@gantry/native';
import { parseChainId } from '@gantry/oci';
import { type ImageRooms, openImageRooms } from '../images/image-rooms.ts';
import { openSmallDisk } from '../images/small-disk.ts';
import { layeredArchive } from './layered-image.ts';

setDefaultTimeout(60_000);

const archive = await layeredArchive('layered:1');
const storageDriver = 'vfs';

async function load(rooms: ImageRooms): Promise<readonly string[]> {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield archive;
  }
  const request = { archive: bytes(), platform: undefined };
  return await rooms.images.load(request, () => undefined, new AbortController().signal);
}

test('layers that do not fit on the disk together leave nothing, and come again when there is room', async () => {
  using disk = openSmallDisk(64 * 2 ** 20);
  using rooms = openImageRooms(join(disk.path, 'root'), {}, { storageDriver });
  const { blocksAvailable, blockSizeBytes } = statfs(disk.path);
  const ballast = join(disk.path, 'ballast');
  // Room for the archive, its blobs and its layers alone, and not for copies of them.
  writeFileSync(ballast, Buffer.alloc(blocksAvailable * blockSizeBytes - 2.7 * archive.length));
  await expect(load(rooms)).rejects.toThrow('no space left on device');
  expect(rooms.leftovers()).toEqual([]);
  rmSync(ballast);
  expect(await load(rooms)).toEqual(['layered:1']);
  const sum = rooms.snapshots.list().reduce((total, { diskBytes }) => total + diskBytes, 0);
  expect(await rooms.snapshots.damaged({ reads: true }, new AbortController().signal)).toEqual([]);
  expect(sum).toBeGreaterThan(2 * archive.length);
});

test('a layer that was not laid over those below when the daemon died is not trusted, whoever holds it', async () => {
  using disk = openSmallDisk(64 * 2 ** 20);
  const root = join(disk.path, 'root');
  const chainId = parseChainId(`sha256:${'a'.repeat(64)}`);
  {
    using rooms = openImageRooms(root, {}, { storageDriver });
    rooms.snapshots.reserve('box', chainId);
    rooms.snapshots.draft().commit({
      chainId,
      parent: parseChainId(`sha256:${'b'.repeat(64)}`),
      diffId: chainId as never,
      sizeBytes: 0,
      impliedDirectories: [],
      hidden: { whiteouts: ['gone'], opaque: [] },
    });
  }
  using rooms = openImageRooms(root, {}, { storageDriver });
  expect(rooms.snapshots.find(chainId)).toBeDefined();
  await rooms.images.recover();
  expect(rooms.snapshots.find(chainId)).toBeUndefined();
  expect(rooms.leftovers()).toEqual([]);
  await expect(rooms.snapshots.prepare('box')).rejects.toThrow('is not on the disk');
});
