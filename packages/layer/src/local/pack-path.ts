import { open, openFlag } from '@gantry/native';
import { bytesOfText } from '../byte-string.ts';
import { packDirectory, packSingle } from '../pack/pack-tree.ts';
import { adoptHandle } from '../pack/read-node.ts';

/**
 * Packs a file or directory of this machine under a name, for a client that sends it somewhere: `base` is what entries'
 * paths begin with, `.` for the content of a directory. A chunk is lent until the next is asked for.
 *
 * @throws SystemError before the first chunk when there is no such path
 */
export function* packPath(path: string, base: string): Generator<Uint8Array> {
  using node = adoptHandle(open(path, openFlag.path | openFlag.noFollow));
  const name = bytesOfText(base);
  yield* node.kind === 'directory' ? packDirectory(node, { base: name }) : packSingle(node, name);
}
