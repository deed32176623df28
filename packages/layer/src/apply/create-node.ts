import {
  close,
  isSystemError,
  linkat,
  makeDevice,
  mknodat,
  openat2,
  openFlag,
  type PathLike,
  resolveFlag,
  symlinkat,
} from '@gantry/native';
import { pathOfBytes, textOfBytes } from '../byte-string.ts';
import type { TarEntry } from '../tar/entry.ts';
import { badEntry, cleanPath, splitPath } from './entry-path.ts';
import { setLinkMetadata, setNodeMetadata } from './metadata.ts';

const fileType = { character: 0o020000, block: 0o060000, fifo: 0o010000 } as const;

/** Where a node goes: below the open directory `dir` of the tree `root`. */
export type NodePlace = { readonly root: number; readonly dir: number; readonly name: PathLike };

/** Makes what overlayfs takes for "the lower one is gone". @throws SystemError EEXIST */
export function createWhiteout(dir: number, name: PathLike): void {
  mknodat(dir, name, { mode: fileType.character, device: makeDevice(0, 0) });
}

/** Makes a link, device or fifo with all its metadata. @throws SystemError EEXIST, invalid */
export function createNode(place: NodePlace, entry: TarEntry): void {
  const { dir, name } = place;
  switch (entry.kind) {
    case 'symlink':
      if (entry.linkPath === '') throw badEntry(entry.path, 'a link to nothing');
      symlinkat(pathOfBytes(entry.linkPath), dir, name);
      setLinkMetadata(entry, dir, name);
      return;
    case 'hardlink':
      createHardLink(place, entry);
      return;
    case 'fifo':
      mknodat(dir, name, { mode: fileType.fifo, device: 0 });
      setNodeMetadata(entry, dir, name);
      return;
    case 'character':
    case 'block':
      mknodat(dir, name, { mode: fileType[entry.kind], device: makeDevice(entry.major, entry.minor) });
      setNodeMetadata(entry, dir, name);
      return;
    case 'file':
    case 'directory':
      throw new Error('unreachable: files and directories are made elsewhere');
  }
}

/** The target is looked up with the tree as `/`, and is never made; a link to it has its metadata already. */
function createHardLink({ root, dir, name }: NodePlace, entry: TarEntry): void {
  const target = splitPath(cleanPath(entry.linkPath));
  const shown = textOfBytes(entry.linkPath);
  if (target.name === '') throw badEntry(entry.path, 'a hard link to the root');
  const missing = badEntry(entry.path, `a hard link to "${shown}", which this layer does not hold`);
  const fromDir = openExisting(root, target.parent);
  if (fromDir === undefined) throw missing;
  try {
    linkat({ fromDir, from: pathOfBytes(target.name), toDir: dir, to: name });
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) throw missing;
    if (isSystemError(error, 'EPERM')) throw badEntry(entry.path, `a hard link to the directory "${shown}"`);
    throw error;
  } finally {
    close(fromDir);
  }
}

function openExisting(root: number, path: string): number | undefined {
  try {
    return openat2(root, path === '' ? '.' : pathOfBytes(path), {
      flags: openFlag.path | openFlag.directory,
      resolve: resolveFlag.inRoot | resolveFlag.noMagicLinks,
    });
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}
