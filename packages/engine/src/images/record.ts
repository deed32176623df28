import { createHash } from 'node:crypto';
import {
  type ChainId,
  chainIds,
  type DiffId,
  type ImageConfig,
  parseDigest,
  parseImageConfig,
  parseReference,
  repositoryOf,
} from '@gantry/oci';
import type { LayerRoom } from '../snapshots/index.ts';
import type { Relations, TargetRow } from './index-rows.ts';
import type { LastUse } from './last-use.ts';
import type { ImageRow, ImageRows } from './rows.ts';
import type { ImageRecord, ImageTarget } from './types.ts';

/** Image records, whose unchanging part is parsed once for each image. */
export type Records = {
  of(row: ImageRow): ImageRecord;
  /** Its configuration alone: what its names are is not asked, of which there may be thousands. */
  configOf(row: ImageRow): ImageConfig;
  /** All images, newest first. */
  list(): readonly ImageRecord[];
  forget(id: string): void;
};

/** In the order of their complete names, as Docker shows them: those of docker.io stand together. */
function byFullName(references: readonly string[]): string[] {
  const complete = new Map(references.map((text) => [text, `${repositoryOf(parseReference(text))} ${text}`]));
  return [...references].sort((one, other) => ((complete.get(one) ?? one) < (complete.get(other) ?? other) ? -1 : 1));
}

/** Names the stacks of an image's layers, lowest first. */
export function chainsOf(diffIds: readonly DiffId[]): ChainId[] {
  return chainIds(diffIds, (text) => createHash('sha256').update(text).digest('hex'));
}

type Fixed = {
  readonly config: ImageConfig;
  readonly layers: ReadonlyMap<ChainId, number>;
  readonly sizeBytes: number;
};

type RecordDeps = { readonly rows: ImageRows; readonly lastUse: LastUse; readonly snapshots: LayerRoom };

export function openRecords({ rows, lastUse, snapshots }: RecordDeps): Records {
  const kept = new Map<string, Fixed>();
  const fixedOf = (row: ImageRow): Fixed => {
    const known = kept.get(row.id);
    if (known !== undefined) return known;
    const config = parseImageConfig(row.config);
    const layers = new Map(chainsOf(config.diffIds).map((chain) => [chain, snapshots.find(chain)?.sizeBytes ?? 0]));
    const fixed = { config, layers, sizeBytes: sumOf(layers.values()) };
    kept.set(row.id, fixed);
    return fixed;
  };
  const familyBytes = (row: ImageRow, siblings: readonly string[]): number => {
    const family = [row, ...siblings.flatMap((id) => rows.find(id) ?? [])];
    return sumOf(new Map(family.flatMap((one) => [...fixedOf(one).layers])).values());
  };
  const record = (row: ImageRow, own: readonly string[], relations: Relations): ImageRecord => {
    const { config, sizeBytes } = fixedOf(row);
    const { siblings, namesByIndex: byIndex, index, manifest } = relations;
    const isDigest = (reference: string): boolean => parseReference(reference).digest !== undefined;
    // With a tag of its own it stands under that, and the other images under theirs.
    const hasOwnTag = !own.every(isDigest);
    const references = byFullName(hasOwnTag ? own : [...own, ...byIndex]);
    return {
      ...config,
      id: row.id,
      tags: references.filter((reference) => !isDigest(reference)),
      digests: references.filter(isDigest),
      sizeBytes,
      chainId: row.chain_id,
      lastTaggedAt: row.last_tagged === null ? undefined : new Date(row.last_tagged),
      siblings,
      familyBytes: siblings.length === 0 ? sizeBytes : familyBytes(row, siblings),
      isFirst: hasOwnTag || byIndex.length === 0,
      target: targetOf(index ?? manifest),
      manifest: targetOf(manifest),
      lastUsedAt: new Date(lastUse.find(row.id) ?? row.stored),
    };
  };
  return {
    of: (row) => record(row, rows.references(row.id), rows.relationsOf(row.id)),
    configOf: (row) => fixedOf(row).config,
    list: () => {
      const byImage = Map.groupBy(rows.allReferences(), (row) => row.image_id);
      const relationsOf = rows.allRelations();
      return rows.list().map((row) => {
        const own = (byImage.get(row.id) ?? []).map(({ reference }) => reference);
        return record(row, own, relationsOf(row.id));
      });
    },
    forget: (id) => {
      kept.delete(id);
    },
  };
}

function sumOf(sizes: Iterable<number>): number {
  return [...sizes].reduce((sum, size) => sum + size, 0);
}

function targetOf(target: TargetRow | undefined): ImageTarget | undefined {
  if (target === undefined) return undefined;
  return { mediaType: target.media_type, digest: parseDigest(target.digest), sizeBytes: target.size };
}
