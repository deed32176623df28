import { readFileSync } from 'node:fs';
import { endOfArchive, formatFile, plainEntry } from '@gantry/layer';
import { busyboxRootTar } from '../harness/busybox-image.ts';
import { type Member, makeImage, makeLayer, makeTar, sha256 } from '../images/made-image.ts';

const xattrs = (values: Readonly<Record<string, string>>): ReadonlyMap<string, Uint8Array> =>
  new Map(Object.entries(values).map(([name, text]) => [name, Buffer.from(text)]));
const modified = { seconds: 1_600_000_000, nanoseconds: 123_456_789 };

const base: readonly Member[] = [
  { kind: 'directory', path: 'tmp', mode: 0o1777, modified },
  { kind: 'directory', path: 'd', mode: 0o750, uid: 7, gid: 8, modified, xattrs: xattrs({ 'user.of': 'below' }) },
  { kind: 'file', path: 'd/kept', text: 'kept', mode: 0o640, uid: 7, gid: 8, modified },
  { kind: 'file', path: 'd/gone', text: 'gone' },
  { kind: 'file', path: 'd/changed', text: 'old' },
  { kind: 'hardlink', path: 'd/second-name', linkPath: 'd/kept' },
  { kind: 'directory', path: 'gone/deep' },
  { kind: 'file', path: 'gone/deep/file', text: 'gone' },
  { kind: 'directory', path: 'opaque/inner' },
  { kind: 'file', path: 'opaque/inner/file', text: 'hidden' },
  { kind: 'directory', path: 'was-directory' },
  { kind: 'file', path: 'was-directory/file', text: 'x' },
  { kind: 'file', path: 'was-file', text: 'x' },
  { kind: 'directory', path: 'metadata', mode: 0o700, modified, xattrs: xattrs({ 'user.old': '1', 'user.both': '1' }) },
  { kind: 'symlink', path: 'link', linkPath: '/d', modified },
  { kind: 'file', path: 'setuid', text: '#!', mode: 0o4755, modified },
  { kind: 'file', path: 'capable', text: 'c', xattrs: new Map([['security.capability', capability()]]) },
  { kind: 'fifo', path: 'fifo', mode: 0o622, modified },
  { kind: 'character', path: 'null', major: 1, minor: 3, mode: 0o666, modified },
];

const second: readonly Member[] = [
  // /tmp and /d are not named: they must keep what the layer below says of them.
  { kind: 'file', path: 'tmp/new', text: 'new', modified },
  { kind: 'file', path: 'd/.wh.gone', text: '' },
  { kind: 'file', path: 'd/changed', text: 'changed', mode: 0o600, modified },
  { kind: 'file', path: '.wh.gone', text: '' },
  { kind: 'directory', path: 'opaque', modified },
  { kind: 'file', path: 'opaque/.wh..wh..opq', text: '' },
  { kind: 'file', path: 'opaque/fresh', text: 'fresh', modified },
  { kind: 'file', path: 'was-directory', text: 'a file now', modified },
  { kind: 'directory', path: 'was-file', modified },
  { kind: 'file', path: 'was-file/inside', text: 'inside', modified },
  { kind: 'directory', path: 'metadata', mode: 0o755, uid: 3, modified, xattrs: xattrs({ 'user.both': '2' }) },
  // Over a link below comes a directory; the link is not followed.
  { kind: 'file', path: 'link/through', text: 'through', modified },
  { kind: 'file', path: 'new/deep/file', text: 'deep', modified },
  { kind: 'hardlink', path: 'new/again', linkPath: 'new/deep/file' },
];

const third: readonly Member[] = [
  { kind: 'file', path: 'd/gone', text: 'back', modified },
  { kind: 'directory', path: 'gone', mode: 0o711, modified },
  { kind: 'file', path: 'new/.wh.again', text: '' },
  { kind: 'file', path: 'opaque/.wh.fresh', text: '' },
  // Whiteouts of nothing do nothing.
  { kind: 'file', path: 'never/.wh.was', text: '' },
  { kind: 'file', path: 'big', text: 'b'.repeat(3_000_000), modified },
];

/** CAP_NET_RAW as the kernel keeps it: revision 2, effective. */
function capability(): Uint8Array {
  return Buffer.from('0100000200200000000000000000000000000000', 'hex');
}

/** An archive as `docker save` writes it: busybox, and on it layers with all that makes layering hard. */
export async function layeredArchive(name: string): Promise<Buffer> {
  const tars = [readFileSync(await busyboxRootTar()), ...[base, second, third].map(makeTar)];
  const layers = tars.map((tar) => makeLayer(tar, 'plain'));
  const image = makeImage(layers, { config: { Cmd: ['sh'] } });
  const names = layers.map(({ digest }) => `${digest.slice(7)}/layer.tar`);
  const config = `${sha256(image.config.bytes).slice(7)}.json`;
  const manifest = JSON.stringify([{ Config: config, RepoTags: [name], Layers: names }]);
  const file = (path: string, bytes: Uint8Array): Uint8Array => formatFile(plainEntry({ kind: 'file', path }), bytes);
  return Buffer.concat([
    ...layers.map(({ bytes }, i) => file(names[i] ?? '', bytes)),
    file(config, image.config.bytes),
    file('manifest.json', Buffer.from(manifest)),
    endOfArchive,
  ]);
}
