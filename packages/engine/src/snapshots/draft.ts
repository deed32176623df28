import type { CollectDeps } from './collect.ts';
import type { Draft } from './types.ts';

/** Makes an empty directory for a layer that is about to be unpacked. */
export function openDraft({ rows, directories }: CollectDeps, now: () => Date): Draft {
  const name = directories.createLayer();
  let committed = false;
  return {
    directory: directories.fsOf(name),
    commit: (layer) => {
      rows.insert({
        chain_id: layer.chainId,
        parent: layer.parent ?? null,
        dir: name,
        diff_id: layer.diffId,
        size: layer.sizeBytes,
        implied: JSON.stringify(layer.impliedDirectories),
        created: now().getTime(),
      });
      committed = true;
    },
    [Symbol.asyncDispose]: async () => {
      if (!committed) await directories.remove(name);
    },
  };
}
