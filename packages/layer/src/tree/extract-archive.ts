import { EngineError } from '@gantry/base';
import { fstat, isSystemError, openat2, openDescriptor, openFlag, resolveFlag } from '@gantry/native';
import { cleanPath } from '../apply/entry-path.ts';
import { LayerWriter } from '../apply/layer-writer.ts';
import { bytesOfText } from '../byte-string.ts';
import { decompress } from '../compression.ts';
import { TarReader } from '../tar/reader.ts';
import { lookupOwner } from './lookup-owner.ts';
import type { OpenView } from './open-view.ts';
import { cleanClientPath, insidePath } from './stat-path.ts';

export type ExtractOptions = {
  readonly path: string;
  readonly keepKinds: boolean;
  /** A USER text: whose everything becomes; '' leaves it to the archive. */
  readonly user: string;
  /** The container's root is read-only to itself, so it is to its clients. */
  readonly readOnlyRoot: boolean;
};

/**
 * Unpacks an archive into a directory of a container. Links in the way are followed as the container would.
 *
 * @throws not-found, invalid with Docker's texts
 */
export async function extractArchive(
  view: OpenView,
  source: AsyncIterable<Uint8Array>,
  { path, keepKinds, user, readOnlyRoot }: ExtractOptions,
): Promise<void> {
  using into = openDirectory(view, cleanClientPath(path));
  checkWritable(view, into.fd, readOnlyRoot);
  // The kernel's word for where that is, links resolved. Should the directory move now, the rest goes where it was.
  const below = cleanPath(bytesOfText(insidePath(view, into.fd)));
  const owner = user === '' ? undefined : lookupOwner(view.root, user);
  using writer = new LayerWriter(view.root, { below, keepKinds, owner });
  await readInto(writer, source);
  writer.finish();
}

/** Reads an archive, compressed or not, into a writer; no bytes at all are an archive of nothing. */
export async function readInto(writer: LayerWriter, source: AsyncIterable<Uint8Array>): Promise<void> {
  const reader = new TarReader(writer);
  const { chunks } = await decompress(source);
  for await (const chunk of chunks) reader.push(chunk);
  reader.finish();
}

function openDirectory(view: OpenView, path: string): { readonly fd: number } & Disposable {
  const resolve = resolveFlag.inRoot | resolveFlag.noMagicLinks;
  try {
    return openDescriptor(openat2(view.root, path, { flags: openFlag.path | openFlag.directory, resolve }));
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) throw new EngineError('not-found', `lstat ${path}: no such file or directory`);
    if (isSystemError(error, 'ENOTDIR')) throw new EngineError('invalid', 'extraction point is not a directory');
    throw error;
  }
}

function checkWritable(view: OpenView, fd: number, readOnlyRoot: boolean): void {
  const { mountId } = fstat(fd);
  if (mountId !== view.rootMountId) {
    if (view.writableMounts.get(mountId) === false)
      throw new EngineError('invalid', 'mounted volume is marked read-only');
  } else if (readOnlyRoot) throw new EngineError('invalid', 'container rootfs is marked read-only');
}
