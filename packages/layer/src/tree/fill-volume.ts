import { fstat, openat2, openDescriptor, openFlag, readDirectory } from '@gantry/native';
import { LayerWriter } from '../apply/layer-writer.ts';
import { setMetadata } from '../apply/metadata.ts';
import { packDirectory } from '../pack/pack-tree.ts';
import { entryOf, openNode } from '../pack/read-node.ts';
import { TarReader } from '../tar/reader.ts';

const typeMask = 0o170000;
const directoryType = 0o040000;

/**
 * Copies what a directory holds, and its own owner and mode, into an empty volume; one that holds anything stays as it is.
 *
 * @param image the directory that the volume will hide, as a handle
 */
export function fillVolume(image: number, volume: number): void {
  if ((fstat(image).mode & typeMask) !== directoryType) return;
  using target = openDescriptor(openat2(volume, '.', { flags: openFlag.readOnly | openFlag.directory }));
  if (readDirectory(target.fd).length > 0) return;
  using source = openNode(image, '.');
  if (source.kind !== 'directory') return;
  using writer = new LayerWriter(target.fd, { below: '', keepKinds: true, owner: undefined });
  const reader = new TarReader(writer);
  for (const chunk of packDirectory(source, { base: '.' })) reader.push(chunk);
  reader.finish();
  writer.finish();
  setMetadata(target.fd, entryOf({ ...source, kind: source.kind }, '.'));
}
