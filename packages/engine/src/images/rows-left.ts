import type { Decision } from './decide-removal.ts';
import type { RowsRead } from './resolve.ts';

/** The rows as they would be after removals that are only planned. */
export type RowsLeft = RowsRead & {
  /** Takes a removal for done, by what the rows are now. */
  drop(decision: Decision): void;
};

/** Begins with the rows as they are. */
export function rowsLeft(rows: RowsRead): RowsLeft {
  const images = new Set<string>();
  const names = new Set<string>();
  // A name whose image is gone means another one of its index, if there is one.
  const moved = new Map<string, string>();
  const left: RowsRead = {
    find: (id) => (images.has(id) ? undefined : rows.find(id)),
    startingWith: (prefix) => rows.startingWith(prefix).filter((id) => !images.has(id)),
    ofManifest: (hex) => rows.ofManifest(hex).filter((id) => !images.has(id)),
    findReference: (name) => {
      const named = names.has(name) ? undefined : rows.findReference(name);
      if (named === undefined || !images.has(named.imageId)) return named;
      const imageId = moved.get(name);
      return imageId === undefined ? undefined : { ...named, imageId };
    },
    references: (id) => {
      if (images.has(id)) return [];
      const own = rows.references(id).filter((name) => !names.has(name));
      const more = [...moved].flatMap(([name, imageId]) => (imageId === id ? [name] : []));
      return more.length === 0 ? own : [...own, ...more].sort();
    },
    allReferences: () => [
      ...rows.allReferences().filter((row) => !names.has(row.reference) && !images.has(row.image_id)),
      ...[...moved].map(([reference, image_id]) => ({ reference, image_id })),
    ],
    members: (indexDigest) => rows.members(indexDigest).filter((id) => !images.has(id)),
    siblings: (id) => {
      const indexes = new Set(left.references(id).flatMap((name) => left.findReference(name)?.indexDigest ?? []));
      const members = [...indexes].flatMap((digest) => left.members(digest));
      return [...new Set(members)].filter((member) => member !== id);
    },
    namesByIndex: (id) => rows.namesByIndex(id).filter((name) => left.findReference(name) !== undefined),
  };
  const move = (name: string): void => {
    const indexDigest = rows.findReference(name)?.indexDigest;
    const [next] = indexDigest === undefined ? [] : left.members(indexDigest);
    if (next === undefined) moved.delete(name);
    else moved.set(name, next);
  };
  return {
    ...left,
    drop: ({ untag, goes }) => {
      const losing = goes.flatMap(({ id }) => left.references(id));
      for (const name of untag) {
        names.add(name);
        moved.delete(name);
      }
      for (const { id } of goes) images.add(id);
      for (const name of losing) if (!names.has(name)) move(name);
    },
  };
}
