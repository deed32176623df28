import { expect, setDefaultTimeout, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CollectPolicy } from '../../packages/engine/src/images/index.ts';
import { startEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';
import { type ImageRooms, openImageRooms } from './image-rooms.ts';
import { makeTar } from './made-image.ts';
import { openSmallDisk } from './small-disk.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

const hourMs = 3_600_000;
const nothing: CollectPolicy = {
  unusedForMs: undefined,
  keepDurationMs: hourMs,
  maxUsedBytes: undefined,
  minFree: undefined,
  reservedBytes: 0,
  keeps: () => false,
};
const megabyte = 2 ** 20;

/** Rooms whose clock a test sets. */
function openAt(policy: Partial<CollectPolicy>, root?: string): { rooms: ImageRooms; clock: { hours: number } } {
  const clock = { hours: 0 };
  const now = (): Date => new Date(Date.UTC(2026, 0, 1) + clock.hours * hourMs);
  return { clock, rooms: openImageRooms(root, {}, { policy: { ...nothing, ...policy }, now }) };
}

async function importImage({ images }: ImageRooms, reference: string, bytes = 1000): Promise<void> {
  const archive = (async function* () {
    yield makeTar([{ kind: 'file', path: 'f', text: randomBytes(bytes).toString('latin1') }]);
  })();
  const request = { archive, reference, message: '', changes: [], platform: '' };
  await images.import(request, () => undefined, new AbortController().signal);
}

const unused = (): boolean => false;
const names = ({ images }: ImageRooms): readonly string[] =>
  images
    .list()
    .flatMap(({ tags }) => tags)
    .sort();

test('an image that nobody used for long goes, with a reason; tagging, saving and containers are use', async () => {
  const { rooms, clock } = openAt({ unusedForMs: 10 * hourMs });
  using _rooms = rooms;
  for (const name of ['old', 'tagged', 'saved', 'container', 'in-use', 'kept']) await importImage(rooms, `${name}:1`);
  clock.hours = 9;
  const { images } = rooms;
  images.tag('tagged:1', 'tagged:2');
  for await (const _ of images.save(['saved:1'], undefined, new AbortController().signal));
  images.markUsed(images.get('container:1').id);
  clock.hours = 12;
  const inUse = (id: string): boolean => id === images.get('in-use:1').id || id === images.get('kept:1').id;
  const plan = images.planCollection(inUse);
  expect(names(rooms).length).toBe(7);
  const done = await images.collect(inUse);
  expect(done).toEqual(plan);
  expect(done.images.map(({ name, why }) => [name, why])).toEqual([
    ['old:1', 'it was last used on 2026-01-01T00:00:00.000Z'],
  ]);
  expect(names(rooms)).toEqual(['container:1', 'in-use:1', 'kept:1', 'saved:1', 'tagged:1', 'tagged:2']);
  expect(rooms.events.filter((event) => event.startsWith('delete')).length).toBe(1);
});

test('a budget takes the least lately used first, and never what the policy keeps or what was just used', async () => {
  const { rooms, clock } = openAt({
    maxUsedBytes: 7 * megabyte,
    keeps: ({ tags }) => tags.some((tag) => tag.startsWith('kept')),
  });
  using _rooms = rooms;
  for (const name of ['kept', 'one', 'two', 'three', 'new']) {
    clock.hours++;
    await importImage(rooms, `${name}:1`, megabyte);
  }
  clock.hours += 0.25;
  rooms.images.tag('one:1', 'one:2');
  clock.hours += 0.25;
  // Each image is a tree and a blob of a megabyte and a half.
  const { images } = await rooms.images.collect(unused);
  expect(images.map(({ name }) => name)).toEqual(['two:1', 'three:1']);
  expect(names(rooms)).toEqual(['kept:1', 'new:1', 'one:1', 'one:2']);
  clock.hours += 24;
  await rooms.images.collect(unused);
  expect(names(rooms)).toEqual(['kept:1', 'one:1', 'one:2']);
  expect(rooms.images.usage().totalBytes).toBeLessThan(7 * megabyte);
});

test('a disk that runs full gets back room, from cancelled pulls first', async () => {
  using disk = openSmallDisk(32 * megabyte);
  const root = join(disk.path, 'root');
  mkdirSync(root);
  const { rooms, clock } = openAt({ minFree: { percent: 50 } }, root);
  using _rooms = rooms;
  for (const name of ['one', 'two']) {
    await importImage(rooms, `${name}:1`, 4 * megabyte);
    clock.hours += 2;
  }
  const partial = join(root, 'ingest', `${'0'.repeat(64)}.partial`);
  writeFileSync(partial, randomBytes(2 * megabyte));
  const first = await rooms.images.collect(unused);
  expect(existsSync(partial)).toBe(false);
  expect(first.partialBytes).toBe(2 * megabyte);
  expect(first.images.map(({ name }) => name)).toEqual(['one:1']);
  expect(first.images[0]?.why).toMatch(/MB are free on the disk, less than 16\.78MB$/);
  expect(await rooms.images.collect(unused)).toEqual({ images: [], partialBytes: 0 });
  expect(names(rooms)).toEqual(['two:1']);
});

test('a daemon with a policy collects by itself in a quiet moment, and says so; what a container uses stays', async () => {
  await using engine = await startEngine({
    daemonArguments: ['--image-gc', 'maxUsedSpace=1', '--image-gc', 'keepDuration=0s', '--image-gc', 'keep=label=keep'],
  });
  const tar = makeTar([{ kind: 'file', path: 'f', text: 'x' }]);
  await engine.output('docker', ['create', 'busybox', 'true']);
  await engine.output('docker', ['import', '-c', 'LABEL keep=yes', '-', 'kept:1'], { stdin: tar });
  await engine.output('docker', ['import', '-', 'goes:1'], { stdin: tar });
  await engine.output('docker', ['import', '-', 'goes:2'], { stdin: tar });
  const plan = await engine.output('gantry', ['image', 'prune', '--filter', 'gc=true', '--dry-run']);
  expect(plan).toMatch(/^Would delete Images:\nuntagged: goes:1\ndeleted: sha256:\w{64}\nuntagged: goes:2\n/);
  expect((await engine.output('docker', ['image', 'prune', '-f', '--filter', 'gc=true'])).split('\n')[1]).toBe(
    'untagged: goes:1',
  );
  await engine.output('docker', ['import', '-', 'goes:3'], { stdin: tar });
  const line = await waitFor('an image was collected', () => /.*msg="image collected".*/.exec(engine.log())?.[0]);
  expect(line).toMatch(/image=goes:3 id=sha256:\w+ why="images take [\d.]+MB, more than 1B" reclaimed=/);
  expect((await engine.output('docker', ['images', '--format', '{{.Repository}}'])).split('\n').sort()).toEqual([
    'busybox',
    'kept',
  ]);
  const until = String(Date.now() / 1000);
  const words = ['events', '--since', '1m', '--until', until, '--filter', 'type=image', '--filter', 'event=delete'];
  expect((await engine.output('docker', words)).split('\n').length).toBe(3);
});

test('without a policy nothing is collected, and a prune by it says so; age of use is a filter, too', async () => {
  await using engine = await startEngine();
  const refused = await engine.run('docker', ['image', 'prune', '-f', '--filter', 'gc=true']);
  expect(refused.stderr).toContain('cannot collect images: the daemon has no policy for it');
  await engine.output('docker', ['image', 'prune', '-af', '--filter', 'unused-for=1h']);
  expect(await engine.output('docker', ['images', '-q'])).not.toBe('');
  await engine.output('docker', ['image', 'prune', '-af', '--filter', 'unused-for=0s']);
  expect(await engine.output('docker', ['images', '-q'])).toBe('');
});
