import { Directories } from '../apply/directories.ts';
import { splitPath } from '../apply/entry-path.ts';
import { pathOfBytes } from '../byte-string.ts';
import { formatHeader, plainEntry } from '../tar/writer.ts';
import type { TreeChange } from '../tree/list-changes.ts';
import type { Chunk } from './chunk-buffer.ts';
import { emit, packNode } from './pack-node.ts';
import { closePacking, openIfThere, openPacking } from './pack-tree.ts';

/**
 * Packs what a container changed as a layer: what is new or other than before, and whiteouts for what is gone. The same
 * changes make the same bytes.
 *
 * Spec: OCI image-spec 1.1, layer.md, "Representing Changes".
 * @param upper the overlay's upper directory, or a whole tree, open
 * @param changes of `listChanges` over it
 */
export function* packChanges(upper: number, changes: readonly TreeChange[]): Generator<Chunk> {
  const packing = openPacking(true);
  using directories = new Directories(upper);
  for (const { kind, path, opaque, covered } of changes) {
    const { parent, name } = splitPath(path);
    if (kind === 'deleted') {
      if (!covered) yield* emit(packing, whiteout(parent, `.wh.${name}`));
      continue;
    }
    const fd = directories.find(parent);
    using node = fd === undefined ? undefined : openIfThere(fd, pathOfBytes(name));
    if (node === undefined) continue;
    yield* packNode(packing, node, path);
    if (opaque) yield* emit(packing, whiteout(path, '.wh..wh..opq'));
  }
  yield* closePacking(packing);
}

function whiteout(parent: string, name: string): Uint8Array {
  return formatHeader(plainEntry({ kind: 'file', path: parent === '' ? name : `${parent}/${name}`, mode: 0 }));
}
