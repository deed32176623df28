import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyLayer, packPath, removeTree, type TreeRequest, TreeThread } from '@gantry/layer';
import { getXattr, listXattrs, openat2, openDescriptor, openFlag, setXattr } from '@gantry/native';
import { sha256 } from './made-image.ts';
import { linesOf } from './small-disk.ts';

/** A tree with everything that an archive can say, packed, unpacked and packed again: not a bit of it is other. */
setDefaultTimeout(60_000);

let area: string;
let source: string;

const makeTree = `
  mkdir -p a/b/c d 'ünïcode ☃'; echo one > a/one; ln a/one d/hard; ln a/one a/b/c/again
  ln -s ../one a/b/soft; ln a/b/soft d/soft-hard; ln -s "$(printf 'x%.0s' {1..300})" long-link; ln -s /abs/olute abs
  printf 'set' > setuid; chmod 4755 setuid; printf 'gid' > setgid; chmod 2711 setgid; mkdir -m 1777 sticky; mkdir -m 2770 group
  chmod 0 d/hard; chown 12345:54321 a/b; chown -h 70000:3000000000 a/b/soft; chown 4294967294:0 'ünïcode ☃'
  mkfifo pipe; mknod char c 10 229; mknod block b 259 1048575; mknod big-minor c 4095 70000
  long=$(printf 'n%.0s' {1..255}); mkdir -p deep/$long/$long; echo deep > deep/$long/$long/$long
  printf '\\xff\\xfe' > "$(printf 'bad\\xff\\xfe')"; printf x > $'new\\nline'; printf x > ' '; printf x > 'a=b'
  truncate -s 20M sparse; printf middle | dd of=sparse bs=1 seek=5000000 conv=notrunc status=none
  truncate -s 3M hole; printf end | dd of=ends bs=1 seek=4000000 conv=notrunc status=none
  : > empty; head -c 511 /dev/urandom > n511; head -c 512 /dev/urandom > n512; head -c 1200000 /dev/urandom > larger
  touch -d '2001-02-03 04:05:06.123456789' a/one; touch -d '1969-12-31 23:59:58.5' setuid; touch -d '2300-01-01' empty
  touch -h -d '2010-01-01 00:00:00.000000001' a/b/soft abs; touch -d '1999-09-09 09:09:09.9' deep a/b a d .
`;

/** Every fact of a tree, one a line: inodes as the first name of each, times to the nanosecond. */
const describe =
  "find . -printf '%p %y %m %U %G %s %n %l %T@\\n' | LC_ALL=C sort; find . -type f -exec sha256sum {} + | LC_ALL=C sort; find . \\( -type c -o -type b \\) -exec stat -c '%n %t:%T' {} + | LC_ALL=C sort; find . -links +1 ! -type d -printf '%i %p\\n' | LC_ALL=C sort -k2 | awk '{ if (!($1 in first)) first[$1] = $2; print $2, first[$1] }'";

/** VFS_CAP_REVISION_2, effective, cap_net_bind_service. */
const capability = Uint8Array.from([1, 0, 0, 2, 0, 4, ...new Array(14).fill(0)]);

beforeAll(() => {
  area = mkdtempSync(join(tmpdir(), 'gantry-exotic-'));
  source = join(area, 'source');
  mkdirSync(source);
  setTree(source);
});
afterAll(() => rmSync(area, { recursive: true, force: true }));

function setTree(root: string): void {
  linesOf(makeTree, root);
  const set = (path: string, name: string, value: Uint8Array): void => {
    using node = openDescriptor(openat2(-100, join(root, path), { flags: openFlag.path | openFlag.noFollow }));
    setXattr(node.fd, name, value);
  };
  set('n511', 'security.capability', capability);
  set('n512', 'trusted.with-nul', Uint8Array.from([0, 1, 0, 255]));
  set('a', 'user.words', new TextEncoder().encode('grüße=1\n'));
  set('abs', 'trusted.on-a-link', new TextEncoder().encode('x'));
  linesOf("touch -d '1999-09-09 09:09:09.9' a", root);
}

async function unpacked(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<{ root: string; digest: string }> {
  const root = mkdtempSync(join(area, 'root-'));
  const fd = openSync(root, 'r');
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) yield chunk;
  }
  try {
    return { root, digest: (await applyLayer(pieces(), fd, 'marked')).diffId };
  } finally {
    closeSync(fd);
  }
}

const xattrsOf = (path: string): string[] => {
  using node = openDescriptor(openat2(-100, path, { flags: openFlag.path | openFlag.noFollow }));
  return listXattrs(node.fd)
    .sort()
    .map((name) => `${name}=${Buffer.from(getXattr(node.fd, name) ?? []).toString('hex')}`);
};

function expectSame(root: string): void {
  expect(linesOf(describe, root)).toEqual(linesOf(describe, source));
  for (const path of ['n511', 'n512', 'a', 'abs', 'empty'])
    expect([path, ...xattrsOf(join(root, path))]).toEqual([path, ...xattrsOf(join(source, path))]);
}

test('an archive of a tree unpacks to the same tree, and that packs to the same bytes', async () => {
  const first = await unpacked(packPath(source, '.'));
  expectSame(first.root);
  const second = await unpacked(packPath(first.root, '.'));
  expect(second.digest).toBe(first.digest);
});

test('GNU tar reads the same tree out of it', async () => {
  const tar = Buffer.concat([...packPath(source, '.').map((chunk) => chunk.slice())]);
  const root = mkdtempSync(join(area, 'gnu-'));
  const child = Bun.spawn(
    ['tar', '--warning=no-timestamp', '-C', root, '--xattrs', '--xattrs-include=*', '--numeric-owner', '-xpf', '-'],
    {
      stdin: tar,
      stderr: 'pipe',
    },
  );
  expect([await child.exited, await child.stderr.text()]).toEqual([0, '']);
  expectSame(root);
});

/** An overlay's directories, as a container leaves them. */
function overlay(name: string): {
  cwd: string;
  upper: string;
  lower: string[];
  request: TreeRequest & { verb: 'layer' };
} {
  const cwd = join(area, name);
  for (const dir of ['upper', 'lower0', 'lower1']) mkdirSync(join(cwd, dir), { recursive: true });
  const directories = { kind: 'overlay' as const, cwd, upper: 'upper', lower: ['lower0', 'lower1'] };
  return { ...directories, request: { verb: 'layer', directories } };
}

async function layerOf(request: TreeRequest & { verb: 'layer' }): Promise<Buffer> {
  await using thread = new TreeThread(request);
  await thread.head;
  const chunks: Uint8Array[] = [];
  for await (const chunk of thread.chunks()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('the layer of a container’s changes unpacks to the same tree, and is made the same again', async () => {
  const { cwd, request } = overlay('all-new');
  const upper = join(cwd, 'upper');
  setTree(upper);
  const layer = await layerOf(request);
  expect(sha256(await layerOf(request))).toBe(sha256(layer));
  const { root } = await unpacked([layer]);
  const withoutTop = (lines: string[]): string[] => lines.filter((line) => !line.startsWith('. '));
  // A layer says nothing of the root directory itself.
  expect(withoutTop(linesOf(describe, root))).toEqual(withoutTop(linesOf(describe, upper)));
});

test('a hole of gigabytes is not in a layer, and is a hole again where the layer is unpacked', async () => {
  const { cwd, request } = overlay('huge');
  const make = 'truncate -s 30G huge; printf middle | dd of=huge bs=1 seek=20000000000 conv=notrunc status=none';
  linesOf(make, join(cwd, 'upper'));
  const layer = await layerOf(request);
  expect(layer.length).toBeLessThan(10_000);
  const { root } = await unpacked([layer]);
  const look = 'stat -c "%s %b" huge; tail -c +20000000001 huge | head -c 6';
  expect(linesOf(look, root)).toEqual(linesOf(look, join(cwd, 'upper')));
});

test('deletions, replacements and opaque directories become the marks that the layer format has', async () => {
  const { cwd, request } = overlay('marks');
  const script = `cd lower1; mkdir -p kept gone-dir/x replaced/old was-dir same; echo 1 > gone; echo 1 > changed; echo 1 > was-file; echo x > kept/file; echo x > hidden
    cd ../lower0; mknod hidden c 0 0; mkdir replaced; echo 2 > replaced/from-upper-layer
    cd ../upper; mknod gone c 0 0; mknod gone-dir c 0 0; mknod never-was c 0 0; mknod hidden c 0 0; echo 2 > changed; mkdir replaced was-file same; echo n > replaced/new; echo f > was-dir; mkdir kept; mknod kept/file c 0 0`;
  linesOf(script, cwd);
  const set = (path: string): void => {
    using dir = openDescriptor(openat2(-100, join(cwd, 'upper', path), { flags: openFlag.directory }));
    setXattr(dir.fd, 'trusted.overlay.opaque', new TextEncoder().encode('y'));
  };
  for (const path of ['replaced', 'was-file']) set(path);
  const layer = await layerOf(request);
  const child = Bun.spawn(['tar', '-tf', '-'], { stdin: layer });
  expect((await child.stdout.text()).split('\n')).toEqual([
    'changed',
    '.wh.gone',
    '.wh.gone-dir',
    'kept/',
    'kept/.wh.file',
    'replaced/',
    'replaced/.wh..wh..opq',
    'replaced/new',
    'was-dir',
    'was-file/',
    '',
  ]);
  await using thread = new TreeThread({
    verb: 'changes',
    directories: { kind: 'overlay', cwd, upper: 'upper', lower: ['lower0', 'lower1'] },
  });
  expect((await thread.head).map(({ kind, path }) => `${kind[0]} ${path}`)).toEqual([
    'm changed',
    'd gone',
    'd gone-dir',
    'm kept',
    'd kept/file',
    'm replaced',
    'd replaced/from-upper-layer',
    'a replaced/new',
    'd replaced/old',
    'm was-dir',
    'm was-file',
  ]);
});

test('a tree without end is refused, and no descriptor of it stays open', async () => {
  const { cwd, request } = overlay('endless');
  const nest = "python3 -c \"import os\nfor i in range(3000): os.mkdir('d'); os.chdir('d')\"";
  linesOf(nest, join(cwd, 'upper'));
  const before = readdirSync('/proc/self/fd').length;
  await using thread = new TreeThread(request);
  await expect(thread.head).rejects.toThrow('more than 1000 levels deep');
  expect(() => [...packPath(join(cwd, 'upper'), '.')]).toThrow('more than 1000 levels deep');
  expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before + 1);
  const fd = openSync(cwd, 'r');
  removeTree(fd, 'upper');
  closeSync(fd);
});
