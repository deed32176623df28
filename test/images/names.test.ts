import { expect, setDefaultTimeout, test } from 'bun:test';
import { type ImageRooms, openImageRooms } from './image-rooms.ts';
import { type Member, makeTar } from './made-image.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Imports a one-file image. @returns its ID */
function addImage(
  rooms: ImageRooms,
  reference: string,
  members: readonly Member[] = [{ kind: 'file', path: 'f', text: reference }],
): Promise<string> {
  const request = { archive: one(makeTar(members)), reference, message: '', changes: [], platform: '' };
  return rooms.images.import(request, () => undefined, new AbortController().signal);
}

const plain = { force: false, platforms: [] };
const forced = { force: true, platforms: [] };
const nobody = () => [];
const short = (id: string): string => id.slice(7, 19);

test('an image is found by name, by ID with and without its algorithm, and by a prefix', async () => {
  using rooms = openImageRooms();
  const id = await addImage(rooms, 'user/app:1');
  for (const name of ['user/app:1', 'docker.io/user/app:1', id, id.slice(7), short(id), id.slice(0, 12)]) {
    expect(rooms.images.get(name).id).toBe(id);
  }
  expect(rooms.images.find('user/app')).toBeUndefined();
  expect(() => rooms.images.get('user/app')).toThrow('No such image: user/app:latest');
  expect(() => rooms.images.get('0'.repeat(64))).toThrow(`No such image: sha256:${'0'.repeat(64)}`);
  expect(() => rooms.images.get('Bad')).toThrow('must be lowercase');
  try {
    rooms.images.get('user/app:2');
  } catch (error) {
    expect(error).toMatchObject({ code: 'not-found', hint: 'there is user/app:1' });
  }
});

test('a name moves to the image it is given to', async () => {
  using rooms = openImageRooms();
  const [a, b] = [await addImage(rooms, 'a'), await addImage(rooms, 'b')];
  rooms.images.tag('a', 'c:1');
  rooms.images.tag(b, 'c:1');
  expect(rooms.images.get('c:1').id).toBe(b);
  expect(rooms.images.get(a).tags).toEqual(['a:latest']);
  expect(rooms.events.slice(2)).toEqual([`tag ${a}`, `tag ${b}`]);
  expect(() => rooms.images.tag('a', `x@sha256:${'0'.repeat(64)}`)).toThrow(
    'refusing to create a tag with a digest reference',
  );
  expect(() => rooms.images.tag('nope', 'x')).toThrow('No such image: nope:latest');
});

test('a name goes alone while the image has others, and the last one takes the image with it', async () => {
  using rooms = openImageRooms();
  const id = await addImage(rooms, 'a:1');
  const { chainId } = rooms.images.get(id);
  rooms.images.tag('a:1', 'a:2');
  expect(await rooms.images.remove('a:1', plain, nobody)).toEqual([{ untagged: 'a:1' }]);
  expect(await rooms.images.remove('a:2', plain, nobody)).toEqual([
    { untagged: 'a:2' },
    { deleted: id },
    { deleted: chainId },
  ]);
  expect(rooms.leftovers()).toEqual([]);
  expect(rooms.events.slice(-3)).toEqual([`untag ${id}`, `untag ${id}`, `delete ${id}`]);
});

test('by its ID an image of one name goes, one of several names only by force', async () => {
  using rooms = openImageRooms();
  const id = await addImage(rooms, 'a:1');
  rooms.images.tag('a:1', 'b:1');
  await expect(rooms.images.remove(short(id), plain, nobody)).rejects.toMatchObject({
    code: 'conflict',
    message: `conflict: unable to delete ${short(id)} (must be forced) - image is referenced in multiple repositories`,
  });
  const removed = await rooms.images.remove(id, forced, nobody);
  expect(removed.slice(0, 3)).toEqual([{ untagged: 'a:1' }, { untagged: 'b:1' }, { deleted: id }]);
});

test("what containers use is kept, in Docker's words", async () => {
  using rooms = openImageRooms();
  const id = await addImage(rooms, 'used');
  const container = 'c'.repeat(64);
  const running = () => [{ id: container, running: true }];
  const stopped = () => [{ id: container, running: false }];
  const reasons: readonly (readonly [() => Promise<unknown>, string])[] = [
    [
      () => rooms.images.remove('used', plain, stopped),
      `unable to remove repository reference "used" (must force) - container cccccccccccc is using its referenced image ${short(id)}`,
    ],
    [
      () => rooms.images.remove(id, plain, stopped),
      `unable to delete ${short(id)} (must be forced) - image is being used by stopped container cccccccccccc`,
    ],
    [
      () => rooms.images.remove(id, forced, running),
      `unable to delete ${short(id)} (cannot be forced) - image is being used by running container cccccccccccc`,
    ],
  ];
  for (const [remove, why] of reasons) await expect(remove()).rejects.toThrow(`conflict: ${why}`);
  expect(await rooms.images.remove('used', forced, running)).toEqual([{ untagged: 'used:latest' }]);
  expect(rooms.images.get(id).tags).toEqual([]);
});

test("a container's layers outlive the image that was removed by force", async () => {
  using rooms = openImageRooms();
  const id = await addImage(rooms, 'gone');
  const { chainId } = rooms.images.get(id);
  rooms.snapshots.reserve('box', chainId);
  const { mount } = await rooms.snapshots.prepare('box');
  await rooms.images.remove(id, forced, () => [{ id: 'box', running: false }]);
  expect(rooms.images.list()).toEqual([]);
  expect((await rooms.snapshots.prepare('box')).mount).toEqual(mount);
  await rooms.snapshots.drop('box')();
  expect(rooms.leftovers()).toEqual([]);
});

test('prune removes what matches and is not used, and tells the bytes', async () => {
  using rooms = openImageRooms();
  const [a, b, c] = [await addImage(rooms, 'a'), await addImage(rooms, 'bb'), await addImage(rooms, '')];
  const { totalBytes } = rooms.images.usage();
  const nameless = await rooms.images.prune(
    ({ tags }) => tags.length === 0,
    () => false,
  );
  expect(nameless.deleted).toMatchObject([{ deleted: c }, {}]);
  const all = await rooms.images.prune(
    () => true,
    (id) => id === a,
  );
  expect(all.deleted.slice(0, 2)).toEqual([{ untagged: 'bb:latest' }, { deleted: b }]);
  expect(all.reclaimedBytes + nameless.reclaimedBytes).toBe(totalBytes - rooms.images.usage().totalBytes);
  expect(rooms.images.list().map(({ id }) => id)).toEqual([a]);
});

test("a container's own bytes are counted once for each file", async () => {
  using rooms = openImageRooms();
  const id = await addImage(rooms, 'sized');
  rooms.snapshots.reserve('box', rooms.images.get(id).chainId);
  expect((await rooms.snapshots.usage('box')).changedBytes).toBe(0);
  const { mount } = await rooms.snapshots.prepare('box');
  const { cwd, upper = '' } = mount;
  expect((await rooms.snapshots.usage('box')).changedBytes).toBe(0);
  await Bun.write(`${cwd}/${upper}/a/b/file`, 'x'.repeat(1000));
  const { linkSync } = await import('node:fs');
  linkSync(`${cwd}/${upper}/a/b/file`, `${cwd}/${upper}/hard`);
  expect(await rooms.snapshots.usage('box')).toEqual({ changedBytes: 1000, diskBytes: 1000 });
  await rooms.snapshots.sweep(new Set(['other']));
  expect(() => rooms.snapshots.prepare('box')).toThrow('it has none');
});
