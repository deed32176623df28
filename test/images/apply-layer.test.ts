import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { applyLayer, removeTree } from '@gantry/layer';
import { fstat, getXattr, listXattrs } from '@gantry/native';
import { type Member, makeTar, sha256 } from './made-image.ts';
import { linesOf } from './small-disk.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

let area: string;
beforeAll(() => {
  area = mkdtempSync(join(tmpdir(), 'gantry-apply-'));
});
afterAll(() => rmSync(area, { recursive: true, force: true }));

/** Chunks of an odd size, so that every structure is cut somewhere. */
async function* chunked(bytes: Uint8Array, size = 777): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

type Unpacked = { readonly root: string; readonly layer: Awaited<ReturnType<typeof applyLayer>> };

async function unpack(tar: Uint8Array): Promise<Unpacked> {
  const root = mkdtempSync(join(area, 'root-'));
  const fd = openSync(root, 'r');
  try {
    return { root, layer: await applyLayer(chunked(tar), fd, 'marked') };
  } finally {
    closeSync(fd);
  }
}

const unpackMembers = (members: readonly Member[]): Promise<Unpacked> => unpack(makeTar(members));

/** Everything a tar can say about a tree, one line each; sparse files by their blocks. */
const describeTree =
  "find . -printf '%p %y %m %U %G %s %n %l %T@\\n' | sort; find . -type f -exec sha256sum {} + | sort; stat -c '%n %t %T' char block; stat -c %b sparse";

const makeSource = `mkdir -p source/a/b; cd source; echo hi >a/f; ln a/f a/b/hard; ln -s ../f a/b/l; mkfifo p; mknod char c 1 3; mknod block b 7 0
  chmod 4755 a/f; chown 12:34 a; chown -h 5:6 a/b/l; truncate -s 10M sparse; dd if=/dev/urandom of=sparse bs=4096 seek=100 count=3 conv=notrunc status=none
  mkdir -m 1777 tmp; long=$(printf 'x%.0s' {1..200}); mkdir $long; echo $long > $long/$long; printf '\\xff' > "$(printf 'bad\\xff')"; touch -d @-5 old; echo 1 > future; touch -d 2150-01-01 future
  touch -d '2001-02-03 04:05:06' a/b`;

test('what GNU tar writes in each of its formats comes out the same', async () => {
  const work = mkdtempSync(join(area, 'gnu-'));
  linesOf(makeSource, work);
  const formats = [
    'posix',
    'gnu',
    'gnu --sparse',
    ...['0.0', '0.1', '1.0'].map((version) => `posix --sparse --sparse-version=${version}`),
  ];
  const whole = (lines: string[]): string[] => lines.map((line) => line.replace(/ (-?\d+)\.\d+$/, ' $1'));
  const source = linesOf(describeTree, join(work, 'source'));
  for (const format of formats) {
    linesOf(`tar -C source --format=${format} -cf t.tar .`, work);
    const { root } = await unpack(readFileSync(join(work, 't.tar')));
    const keepsNanos = format.startsWith('posix');
    const result = linesOf(describeTree, root);
    // What is not sparse in the archive is not sparse afterwards: its blocks are the last line.
    const end = format.includes('sparse') ? undefined : -1;
    expect([format, ...(keepsNanos ? result : whole(result)).slice(0, end)]).toEqual([
      format,
      ...(keepsNanos ? source : whole(source)).slice(0, end),
    ]);
  }
});

test('attributes are set, and the words of overlayfs are not taken from an archive', async () => {
  const capability = Uint8Array.from([1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const yes = Buffer.from('y');
  const xattrs = new Map<string, Uint8Array>([
    ['security.capability', capability],
    ['trusted.overlay.opaque', yes],
    ['trusted.overlay.redirect', Buffer.from('/etc')],
    ['trusted.mine', Buffer.from('a\0b')],
  ]);
  const { root } = await unpackMembers([
    { kind: 'directory', path: 'd', xattrs },
    { kind: 'file', path: 'd/f', text: 'x', mode: 0o4711, uid: 7, xattrs },
  ]);
  for (const [path, expected] of [
    ['d', ['security.capability', 'trusted.mine']],
    ['d/f', ['security.capability', 'trusted.mine']],
  ] as const) {
    const fd = openSync(join(root, path), 'r');
    expect(listXattrs(fd).sort()).toEqual([...expected]);
    expect(getXattr(fd, 'security.capability')).toEqual(capability);
    if (path === 'd/f') expect(fstat(fd).mode & 0o7777).toBe(0o4711);
    closeSync(fd);
  }
});

test('digest and diff ID are of the bytes as they came and of the tar inside', async () => {
  const tar = makeTar([{ kind: 'file', path: 'f', text: 'x' }]);
  const padded = Buffer.concat([tar, new Uint8Array(10_240)]);
  const gz = Buffer.concat([Bun.gzipSync(padded.subarray(0, 700)), Bun.gzipSync(padded.subarray(700))]);
  const { layer } = await unpack(gz);
  expect([layer.digest as string, layer.diffId as string]).toEqual([sha256(gz), sha256(padded)]);
  const zst = Buffer.concat([
    Bun.zstdCompressSync(padded.subarray(0, 700)),
    Bun.zstdCompressSync(padded.subarray(700)),
  ]);
  expect(String((await unpack(zst)).layer.diffId)).toBe(sha256(padded));
  const whole = await unpack(padded);
  expect([String(whole.layer.digest), String(whole.layer.diffId)]).toEqual([sha256(padded), sha256(padded)]);
});

const opaque = (root: string, path: string): string | undefined => {
  const fd = openSync(join(root, path), 'r');
  const value = getXattr(fd, 'trusted.overlay.opaque');
  closeSync(fd);
  return value === undefined ? undefined : Buffer.from(value).toString();
};

test('whiteouts hide what is below and never what the same layer brings, in any order', async () => {
  const { root } = await unpackMembers([
    { kind: 'file', path: 'gone/.wh.file', text: '' },
    { kind: 'directory', path: 'opaque' },
    { kind: 'file', path: 'opaque/.wh..wh..opq', text: '' },
    { kind: 'file', path: 'both-file', text: 'mine' },
    { kind: 'file', path: '.wh.both-file', text: '' },
    { kind: 'directory', path: 'dir-then' },
    { kind: 'file', path: '.wh.dir-then', text: '' },
    { kind: 'file', path: '.wh.then-dir', text: '' },
    { kind: 'directory', path: 'then-dir' },
    { kind: 'file', path: '.wh.then-file', text: '' },
    { kind: 'file', path: 'then-file', text: 'mine' },
    { kind: 'file', path: '.wh..wh.plnk', text: 'aufs' },
  ]);
  expect(lstatSync(join(root, 'gone/file')).rdev).toBe(0);
  expect(lstatSync(join(root, 'gone/file')).isCharacterDevice()).toBe(true);
  expect(['opaque', 'dir-then', 'then-dir', 'gone'].map((path) => opaque(root, path))).toEqual([
    'y',
    'y',
    'y',
    undefined,
  ]);
  expect(['both-file', 'then-file'].map((path) => readFileSync(join(root, path), 'utf8'))).toEqual(['mine', 'mine']);
  expect(readdirSync(root).filter((name) => name.startsWith('.wh.'))).toEqual([]);
});

test('the last of several entries of one name counts', async () => {
  const { root } = await unpackMembers([
    { kind: 'directory', path: 'x' },
    { kind: 'file', path: 'x/y', text: 'old' },
    { kind: 'symlink', path: 'x', linkPath: 'z' },
    { kind: 'directory', path: 'z' },
    { kind: 'file', path: 'x/through', text: 'a link' },
    { kind: 'file', path: 'x', text: 'file at last' },
    { kind: 'file', path: 'd/f', text: '1' },
    { kind: 'directory', path: 'd', mode: 0o700, modified: { seconds: 9, nanoseconds: 0 } },
  ]);
  expect(readFileSync(join(root, 'x'), 'utf8')).toBe('file at last');
  expect(readFileSync(join(root, 'z/through'), 'utf8')).toBe('a link');
  expect([lstatSync(join(root, 'd')).mode & 0o7777, lstatSync(join(root, 'd')).mtimeMs]).toEqual([0o700, 9000]);
});

test('links that lead out of the root lead to the same place inside it', async () => {
  const canary = mkdtempSync(join(area, 'canary-'));
  const { root } = await unpackMembers([
    { kind: 'directory', path: canary.slice(1) },
    { kind: 'symlink', path: 'absolute', linkPath: canary },
    { kind: 'file', path: 'absolute/written', text: 'x' },
    { kind: 'symlink', path: 'climbing', linkPath: `../../../../../../..${canary}` },
    { kind: 'file', path: 'climbing/written-too', text: 'x' },
    { kind: 'file', path: '/rooted', text: 'x' },
    { kind: 'file', path: 'a/../b', text: 'x' },
  ]);
  expect(readdirSync(canary)).toEqual([]);
  expect(readdirSync(join(root, canary)).sort()).toEqual(['written', 'written-too']);
  expect(existsSync(join(root, 'rooted')) && existsSync(join(root, 'b'))).toBe(true);
});

test('hostile entries are refused, each with its name', async () => {
  const nul = String.fromCharCode(0);
  const rows: readonly (readonly [Member[], string])[] = [
    [[{ kind: 'file', path: '../x', text: '' }], '"../x": it climbs out of the root'],
    [[{ kind: 'file', path: 'a/../../x', text: '' }], 'it climbs out of the root'],
    [[{ kind: 'file', path: '/../x', text: '' }], 'it climbs out of the root'],
    [[{ kind: 'hardlink', path: 'h', linkPath: '../../etc/passwd' }], 'it climbs out of the root'],
    [[{ kind: 'hardlink', path: 'h', linkPath: '/etc/passwd' }], 'which this layer does not hold'],
    [
      [
        { kind: 'symlink', path: 's', linkPath: '/etc' },
        { kind: 'hardlink', path: 'h', linkPath: 's/passwd' },
      ],
      'which this layer does not hold',
    ],
    [
      [
        { kind: 'directory', path: 'd' },
        { kind: 'hardlink', path: 'h', linkPath: 'd' },
      ],
      'a hard link to the directory "d"',
    ],
    [[{ kind: 'hardlink', path: 'h', linkPath: '/' }], 'a hard link to the root'],
    [[{ kind: 'symlink', path: 's', linkPath: '' }], 'a link to nothing'],
    [
      [
        { kind: 'symlink', path: 's', linkPath: 's' },
        { kind: 'file', path: 's/x', text: '' },
      ],
      'its links go in circles',
    ],
    [
      [
        { kind: 'symlink', path: 's', linkPath: 'nowhere' },
        { kind: 'file', path: 's/x', text: '' },
      ],
      'a link to nowhere',
    ],
    [
      [
        { kind: 'file', path: 'f', text: '' },
        { kind: 'file', path: 'f/x', text: '' },
      ],
      'it is not a directory',
    ],
    [[{ kind: 'file', path: '.wh.', text: '' }], 'a whiteout of no file'],
    [[{ kind: 'file', path: 'd/.wh...', text: '' }], 'a whiteout of no file'],
    [[{ kind: 'file', path: '.', text: '' }], 'the root is not a directory'],
    [[{ kind: 'symlink', path: '.', linkPath: '/etc' }], 'the root is not a directory'],
    [[{ kind: 'file', path: `${'n'.repeat(256)}`, text: '' }], 'a name is longer than 255 bytes'],
    [[{ kind: 'file', path: 'd/'.repeat(3000), text: '' }], 'the path is too long'],
    [[{ kind: 'file', path: 'f', text: '', uid: 0xffffffff }], 'an owner out of range'],
    [[{ kind: 'file', path: 'f', text: '', gid: 2 ** 32 }], 'an owner out of range'],
    [[{ kind: 'file', path: `f${nul}g${'x'.repeat(100)}`, text: '' }], 'holds a NUL'],
  ];
  for (const [members, why] of rows) await expect(unpackMembers(members)).rejects.toThrow(why);
});

test('archives that are not whole are refused', async () => {
  const tar = makeTar([{ kind: 'file', path: 'f', text: 'x'.repeat(600) }]);
  const patched = (at: number, byte: number): Uint8Array => Uint8Array.from(tar).fill(byte, at, at + 1);
  await expect(unpack(tar.subarray(0, 700))).rejects.toThrow('it ends in the middle of an entry');
  await expect(unpack(tar.subarray(0, 100))).rejects.toThrow('it ends in the middle of an entry');
  await expect(unpack(patched(0, 0x41))).rejects.toThrow('the checksum of a header is wrong');
  await expect(unpack(Buffer.concat([new Uint8Array(512), tar]))).rejects.toThrow(
    'a lone zero block is followed by data',
  );
  await expect(unpack(gzipSync(tar).subarray(0, -12))).rejects.toThrow('corrupt or cut short');
  await expect(unpack(Buffer.from('BZh91AY&SY............'))).rejects.toMatchObject({ code: 'unsupported' });
  expect((await unpack(new Uint8Array(0))).layer.entries).toBe(0);
  expect((await unpack(tar.subarray(0, -1024))).layer.entries).toBe(1);
});

test('a tree deeper than any path can say is removed', () => {
  const top = mkdtempSync(join(area, 'deep-'));
  linesOf(
    'python3 - <<EOF\nimport os\nfor i in range(3000):\n  os.mkdir("deeper"); os.chdir("deeper")\nopen("f","w")\nEOF',
    top,
  );
  const fd = openSync(top, 'r');
  expect(removeTree(fd, 'deeper')).toBe(true);
  expect(removeTree(fd, 'deeper')).toBe(false);
  closeSync(fd);
  expect(readdirSync(top)).toEqual([]);
  mkdirSync(join(top, 'again'));
});
