import { EngineError } from '@gantry/base';
import { textOfBytes } from '../byte-string.ts';
import type { TarEntry } from '../tar/entry.ts';

/** Where an entry goes, seen from the root: byte strings without leading slash. The root itself has an empty name. */
export type EntryPath = { readonly parent: string; readonly name: string };

/** What a name says in the layer format: an ordinary file, "the lower one is gone", or "all the lower ones are gone". */
export type LayerName =
  | { readonly kind: 'ordinary' }
  | { readonly kind: 'whiteout'; readonly name: string }
  | { readonly kind: 'opaque' }
  /** Left over from aufs; no reader uses them. */
  | { readonly kind: 'ignored' };

export function badEntry(path: string, why: string): EngineError {
  return new EngineError('invalid', `cannot unpack "${textOfBytes(path)}": ${why}`);
}

/**
 * Cleans a path of an archive lexically, as if `/` were the layer's root.
 *
 * @throws invalid when it climbs out of the root
 */
export function cleanPath(path: string): string {
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') kept.push(part);
    else if (kept.pop() === undefined) throw badEntry(path, 'it climbs out of the root');
  }
  if (kept.some((part) => part.length > 255)) throw badEntry(path, 'a name is longer than 255 bytes');
  const clean = kept.join('/');
  if (clean.length > 4000) throw badEntry(path, 'the path is too long');
  return clean;
}

export function splitPath(clean: string): EntryPath {
  const slash = clean.lastIndexOf('/');
  return { parent: slash === -1 ? '' : clean.slice(0, slash), name: clean.slice(slash + 1) };
}

const whiteoutPrefix = '.wh.';
const whiteoutMetaPrefix = '.wh..wh.';

/**
 * Reads the layer format's special names.
 *
 * Spec: OCI image-spec 1.1, layer.md, "Whiteouts".
 * @throws invalid for a whiteout of the directory itself or its parent
 */
export function parseLayerName(entry: TarEntry, name: string): LayerName {
  if (!name.startsWith(whiteoutPrefix)) return { kind: 'ordinary' };
  if (name === '.wh..wh..opq') return { kind: 'opaque' };
  if (name.startsWith(whiteoutMetaPrefix)) return { kind: 'ignored' };
  const target = name.slice(whiteoutPrefix.length);
  if (target === '' || target === '.' || target === '..') throw badEntry(entry.path, 'a whiteout of no file');
  return { kind: 'whiteout', name: target };
}
