import { createHash } from 'node:crypto';
import {
  type ChainId,
  chainIds,
  type DiffId,
  type ImageConfig,
  parseImageConfig,
  parseReference,
  repositoryOf,
} from '@gantry/oci';
import type { LayerRoom } from '../snapshots/index.ts';
import type { LastUse } from './last-use.ts';
import type { ImageRow, ImageRows } from './rows.ts';
import type { ImageRecord } from './types.ts';

/** Image records, whose unchanging part is parsed once for each image. */
export type Records = {
  of(row: ImageRow): ImageRecord;
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

type Fixed = { readonly config: ImageConfig; readonly sizeBytes: number };

type RecordDeps = { readonly rows: ImageRows; readonly lastUse: LastUse; readonly snapshots: LayerRoom };

export function openRecords({ rows, lastUse, snapshots }: RecordDeps): Records {
  const kept = new Map<string, Fixed>();
  const fixedOf = (row: ImageRow): Fixed => {
    const known = kept.get(row.id);
    if (known !== undefined) return known;
    const config = parseImageConfig(row.config);
    const sizes = chainsOf(config.diffIds).map((chainId) => snapshots.find(chainId)?.sizeBytes ?? 0);
    const fixed = { config, sizeBytes: sizes.reduce((sum, size) => sum + size, 0) };
    kept.set(row.id, fixed);
    return fixed;
  };
  const record = (row: ImageRow, names: readonly string[]): ImageRecord => {
    const { config, sizeBytes } = fixedOf(row);
    const references = byFullName(names);
    const isDigest = (reference: string): boolean => parseReference(reference).digest !== undefined;
    return {
      ...config,
      id: row.id,
      tags: references.filter((reference) => !isDigest(reference)),
      digests: references.filter(isDigest),
      sizeBytes,
      chainId: row.chain_id,
      lastTaggedAt: row.last_tagged === null ? undefined : new Date(row.last_tagged),
      lastUsedAt: new Date(lastUse.find(row.id) ?? row.stored),
    };
  };
  return {
    of: (row) => record(row, rows.references(row.id)),
    list: () => {
      const byImage = Map.groupBy(rows.allReferences(), (row) => row.image_id);
      return rows.list().map((row) =>
        record(
          row,
          (byImage.get(row.id) ?? []).map(({ reference }) => reference),
        ),
      );
    },
    forget: (id) => {
      kept.delete(id);
    },
  };
}
