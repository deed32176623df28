import { expect, setDefaultTimeout, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { endOfArchive, formatFile, plainEntry } from '@gantry/layer';
import { waitFor } from '../harness/wait-for.ts';
import { type ImageRooms, openImageRooms } from './image-rooms.ts';
import { type MadeLayer, makeImage, makeLayer, makeTar } from './made-image.ts';

/** Layers of an archive that are large enough to be unpacked before the archive says that they are layers. */
setDefaultTimeout(60_000);

const never = new AbortController().signal;
const noise = randomBytes(2 ** 21).toString('hex');

const bigLayer = (path: string): MadeLayer => makeLayer(makeTar([{ kind: 'file', path, text: noise }]), 'plain');
const file = (path: string, bytes: Uint8Array | string): Buffer =>
  Buffer.from(formatFile(plainEntry({ kind: 'file', path }), Buffer.from(bytes)));

/** What docker save writes last. */
function documents(layers: readonly MadeLayer[], paths: readonly string[]): Buffer[] {
  const manifest = [{ Config: 'config', RepoTags: ['big:1'], Layers: paths }];
  return [
    file('config', makeImage(layers).config.bytes),
    file('manifest.json', JSON.stringify(manifest)),
    Buffer.from(endOfArchive),
  ];
}

async function* inPieces(parts: readonly Buffer[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) for (let at = 0; at < part.length; at += 60_000) yield part.subarray(at, at + 60_000);
}

const load = (rooms: ImageRooms, archive: AsyncIterable<Uint8Array>, signal = never): Promise<readonly string[]> =>
  rooms.images.load({ archive, platform: undefined }, () => undefined, signal);

/** Whether some layer's directory has that file already. */
const isUnpacked = (rooms: ImageRooms, path: string): boolean =>
  readdirSync(join(rooms.dataRoot, 'layers'), { recursive: true }).some((name) => String(name).endsWith(`/${path}`));

test('large layers are unpacked while they arrive, each once and each to where it belongs', async () => {
  using rooms = openImageRooms();
  const [one, other] = [bigLayer('one'), bigLayer('other')];
  async function* archive(): AsyncGenerator<Uint8Array> {
    yield* inPieces([file('no-layer', noise), file('a', one.bytes), file('b', other.bytes)]);
    await waitFor('both are unpacked', () => isUnpacked(rooms, 'one') && isUnpacked(rooms, 'other'));
    yield* inPieces(documents([one, other, one], ['a', 'b', 'a']));
  }
  expect(await load(rooms, archive())).toEqual(['big:1']);
  const paths = rooms.layerPaths('big:1');
  const names = ['one', 'other', 'one'];
  expect(paths.map((path) => readdirSync(path))).toEqual(names.map((name) => [name]));
  paths.forEach((path, i) => {
    expect(readFileSync(join(path, names[i] ?? ''), 'latin1') === noise).toBe(true);
  });
  const kept = rooms.leftovers();
  expect(kept.filter((name) => name.startsWith('layers/'))).toHaveLength(3);
  expect(kept.filter((name) => !name.startsWith('layers/'))).toHaveLength(2);
});

test('a large file that is replaced by a later one of its name is no layer', async () => {
  using rooms = openImageRooms();
  const [first, second] = [bigLayer('first'), bigLayer('second')];
  const parts = [file('a', first.bytes), file('a', second.bytes), ...documents([second], ['a'])];
  await load(rooms, inPieces(parts));
  expect(rooms.layerPaths('big:1').map((path) => existsSync(join(path, 'second')))).toEqual([true]);
  expect(rooms.leftovers().filter((name) => name.startsWith('layers/'))).toHaveLength(1);
});

test('large layers that are wrong are refused and leave nothing', async () => {
  using rooms = openImageRooms();
  const layer = bigLayer('file');
  const whole = file('a', layer.bytes);
  const cut = makeLayer(layer.bytes.subarray(0, 2 ** 21), 'plain');
  const climbing = makeLayer(makeTar([{ kind: 'file', path: '../../up', text: noise }]), 'plain');
  const rows: readonly (readonly [readonly Buffer[], string])[] = [
    [[whole.subarray(0, 2 ** 21)], 'it ends in the middle of an entry'],
    [[whole, Buffer.from(endOfArchive)], 'it has neither manifest.json nor index.json'],
    [[file('a', cut.bytes), ...documents([cut], ['a'])], 'it ends in the middle of an entry'],
    [[file('a', climbing.bytes), ...documents([climbing], ['a'])], 'climbs out of the root'],
    [[file('a', noise), ...documents([layer], ['a'])], 'so it is no tar'],
    [[whole, ...documents([bigLayer('another')], ['a'])], 'invalid diffID for layer 0'],
  ];
  for (const [parts, why] of rows) {
    await expect(load(rooms, inPieces(parts))).rejects.toThrow(why);
    expect(rooms.leftovers()).toEqual([]);
  }
  expect(rooms.jobs.list()).toEqual([]);
});

test('a load that is cancelled in the middle of a layer leaves nothing, and the next one is served', async () => {
  using rooms = openImageRooms();
  const layer = bigLayer('file');
  const stopping = new AbortController();
  async function* archive(): AsyncGenerator<Uint8Array> {
    yield* inPieces([file('a', layer.bytes).subarray(0, 2 ** 21)]);
    await waitFor('its beginning is unpacked', () => isUnpacked(rooms, 'file'));
    stopping.abort();
    yield new Uint8Array(512);
  }
  await expect(load(rooms, archive(), stopping.signal)).rejects.toMatchObject({ code: 'cancelled' });
  expect(rooms.leftovers()).toEqual([]);
  await load(rooms, inPieces([file('a', layer.bytes), ...documents([layer], ['a'])]));
  expect(rooms.layerPaths('big:1').map((path) => readdirSync(path))).toEqual([['file']]);
});
