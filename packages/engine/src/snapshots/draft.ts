import type { CollectDeps } from './collect.ts';
import { formatUnsettled } from './settle.ts';
import type { Draft } from './types.ts';

/** Makes an empty directory for a layer that is about to be unpacked. */
export function openDraft({ db, durability, rows, directories, driver }: CollectDeps, now: () => Date): Draft {
  const name = directories.createLayer();
  let committed = false;
  return {
    directory: directories.fsOf(name),
    hiding: driver.kind === 'stacked' ? 'marked' : 'listed',
    commit: (layer) => {
      const row = {
        chain_id: layer.chainId,
        parent: layer.parent ?? null,
        dir: name,
        diff_id: layer.diffId,
        size: layer.sizeBytes,
        tree: layer.sizeBytes,
        unsettled: formatUnsettled(driver, layer),
        created: now().getTime(),
      };
      db.tx(() => {
        rows.insert(row);
        durability.note({ kind: 'layer', name: layer.chainId });
      });
      directories.own(name);
      committed = true;
    },
    [Symbol.asyncDispose]: async () => {
      if (!committed) await directories.remove(name);
    },
  };
}
