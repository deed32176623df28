import { type Owner, open, openDescriptor, openFlag } from '@gantry/native';
import { LayerWriter } from '../apply/layer-writer.ts';
import { bytesOfText } from '../byte-string.ts';
import { decompress } from '../compression.ts';
import type { TarEntry, TarSink } from '../tar/entry.ts';
import { TarReader } from '../tar/reader.ts';

export type UnpackOptions = {
  /** An existing directory of this machine. */
  readonly directory: string;
  /** The first name of each path is another one here. */
  readonly rename: { readonly from: string; readonly to: string } | undefined;
  readonly owner: Owner;
};

/**
 * Unpacks an archive that a container made into a directory of this machine. Like any archive it is hostile: nothing in
 * it, no link and no name, leads out of the directory.
 *
 * @throws invalid with Docker's texts, SystemError
 */
export async function unpackInto(
  source: AsyncIterable<Uint8Array>,
  { directory, rename, owner }: UnpackOptions,
): Promise<void> {
  using root = openDescriptor(open(directory, openFlag.readOnly | openFlag.directory));
  using writer = new LayerWriter(root.fd, { below: '', keepKinds: true, owner });
  const reader = new TarReader(rename === undefined ? writer : renaming(writer, rename));
  const { chunks } = await decompress(source);
  for await (const chunk of chunks) reader.push(chunk);
  reader.finish();
  writer.finish();
}

/** Hands entries on under other names, hard links' targets too. */
function renaming(sink: TarSink, rename: { readonly from: string; readonly to: string }): TarSink {
  const [from, to] = [bytesOfText(rename.from === '/' ? '' : rename.from), bytesOfText(rename.to)];
  const renamed = (path: string): string => (path.startsWith(from) ? to + path.slice(from.length) : path);
  return {
    begin: (entry: TarEntry) =>
      sink.begin({
        ...entry,
        path: renamed(entry.path),
        linkPath: entry.kind === 'hardlink' ? renamed(entry.linkPath) : entry.linkPath,
      }),
    data: (bytes, offset) => sink.data(bytes, offset),
    end: () => sink.end(),
  };
}
