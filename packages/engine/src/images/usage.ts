import { parseImageConfig } from '@gantry/oci';
import type { ImageDeps } from './deps.ts';
import { chainsOf } from './record.ts';
import type { ImageRow } from './rows.ts';
import type { ImageUsage } from './types.ts';

/** `sizeBytes` is what it takes on the disk, `layerBytes` what is in it if it is a layer: a copy of those below is not. */
type Part = { readonly name: string; readonly sizeBytes: number; readonly layerBytes: number };
type Layers = ReadonlyMap<string, { readonly sizeBytes: number; readonly diskBytes: number }>;

/** Counts what images take on disk: each unpacked layer and each blob once, whoever shares it; and what waits of pulls. */
export function measureImages(deps: ImageDeps): ImageUsage {
  const layers = new Map(deps.snapshots.list().map((layer) => [layer.chainId, layer]));
  const parts = new Map(deps.rows.list().map((row) => [row.id, partsOf(deps, row, layers)]));
  const relationsOf = deps.rows.allRelations();
  const families = new Map([...parts].map(([id, own]) => [id, withSiblings(relationsOf(id).siblings, { own, parts })]));
  const holders = new Map<string, Set<string>>();
  for (const [id, own] of parts)
    for (const { name } of own) holders.set(name, (holders.get(name) ?? new Set()).add(id));
  const isShared = (id: string, { name }: Part): boolean => {
    const all = holders.get(name) ?? new Set();
    if (all.size === 1) return false;
    const family = new Set([id, ...relationsOf(id).siblings]);
    return all.values().some((holder) => !family.has(holder));
  };
  const blobBytes = sum(deps.content.list());
  const layerBytes = sum([...layers.values()].map(({ diskBytes }) => ({ sizeBytes: diskBytes })));
  const usageOf = (id: string, own: readonly Part[]) => {
    const shared = own.filter((part) => isShared(id, part));
    const sharedLayerBytes = shared.reduce((total, part) => total + part.layerBytes, 0);
    return { sizeBytes: sum(own), sharedBytes: sum(shared), sharedLayerBytes };
  };
  return {
    totalBytes: layerBytes + blobBytes + deps.content.partialBytes(),
    byImage: new Map([...families].map(([id, own]) => [id, usageOf(id, own)])),
  };
}

type Parts = { readonly own: readonly Part[]; readonly parts: ReadonlyMap<string, readonly Part[]> };

/** What an image and the other platforms of its names take, each part once. */
function withSiblings(siblings: readonly string[], { own, parts }: Parts): readonly Part[] {
  if (siblings.length === 0) return own;
  const others = siblings.flatMap((sibling) => parts.get(sibling) ?? []);
  return [...new Map([...own, ...others].map((part) => [part.name, part])).values()];
}

function partsOf({ content }: ImageDeps, { id, config }: ImageRow, layers: Layers): Part[] {
  const chains = new Set<string>(chainsOf(parseImageConfig(config).diffIds));
  return [
    ...[...chains].map((name) => {
      const { sizeBytes, diskBytes } = layers.get(name) ?? { sizeBytes: 0, diskBytes: 0 };
      return { name: `layer ${name}`, sizeBytes: diskBytes, layerBytes: sizeBytes };
    }),
    ...content
      .heldBy(`image:${id}`)
      .map(({ digest, sizeBytes }) => ({ name: `blob ${digest}`, sizeBytes, layerBytes: 0 })),
  ];
}

function sum(parts: readonly { readonly sizeBytes: number }[]): number {
  return parts.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}
