import { EngineError } from '@gantry/base';
import type { SnapshotRows } from './rows.ts';

/** Directory names of a chain's layers, topmost first; each kept, since a start must not walk 127 rows. */
export type Stacks = { of(chainId: string): readonly string[]; forget(): void };

export function openStacks(rows: SnapshotRows): Stacks {
  const stacks = new Map<string, readonly string[]>();
  return {
    of: (chainId) => {
      const kept = stacks.get(chainId);
      if (kept !== undefined) return kept;
      const names: string[] = [];
      for (let next: string | null = chainId; next !== null; ) {
        const row = rows.find(next);
        if (row === undefined) {
          throw new EngineError(
            'unavailable',
            `cannot mount snapshot "${chainId}": layer "${next}" is not on the disk`,
            {
              hint: 'pull the image of the container again: that brings the layer back, and the container keeps what it wrote',
            },
          );
        }
        names.push(row.dir);
        next = row.parent;
      }
      stacks.set(chainId, names);
      return names;
    },
    forget: () => stacks.clear(),
  };
}
