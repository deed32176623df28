import { parseImageConfig } from '@gantry/oci';
import type { ImageDeps } from './deps.ts';
import { chainsOf } from './record.ts';
import type { ImageRow } from './rows.ts';
import type { ImageUsage } from './types.ts';

type Part = { readonly kind: 'layer' | 'blob'; readonly name: string; readonly sizeBytes: number };

/** Counts what images take on disk: each unpacked layer and each blob once, whoever shares it; and what waits of pulls. */
export function measureImages(deps: ImageDeps): ImageUsage {
  const layers = new Map(deps.snapshots.list().map(({ chainId, sizeBytes }) => [chainId, sizeBytes]));
  const parts = new Map(deps.rows.list().map((row) => [row.id, partsOf(deps, row, layers)]));
  const holders = Map.groupBy([...parts.values()].flat(), ({ name }) => name);
  const isShared = ({ name }: Part): boolean => (holders.get(name)?.length ?? 0) > 1;
  const blobBytes = sum(deps.content.list());
  const layerBytes = sum(deps.snapshots.list());
  const usageOf = (own: readonly Part[]) => {
    const shared = own.filter(isShared);
    const sharedLayerBytes = sum(shared.filter(({ kind }) => kind === 'layer'));
    return { sizeBytes: sum(own), sharedBytes: sum(shared), sharedLayerBytes };
  };
  return {
    totalBytes: layerBytes + blobBytes + deps.content.partialBytes(),
    byImage: new Map([...parts].map(([id, own]) => [id, usageOf(own)])),
  };
}

function partsOf({ content }: ImageDeps, { id, config }: ImageRow, layers: ReadonlyMap<string, number>): Part[] {
  const chains = new Set<string>(chainsOf(parseImageConfig(config).diffIds));
  return [
    ...[...chains].map((name): Part => ({ kind: 'layer', name: `layer ${name}`, sizeBytes: layers.get(name) ?? 0 })),
    ...content
      .heldBy(`image:${id}`)
      .map(({ digest, sizeBytes }): Part => ({ kind: 'blob', name: `blob ${digest}`, sizeBytes })),
  ];
}

function sum(parts: readonly { readonly sizeBytes: number }[]): number {
  return parts.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}
