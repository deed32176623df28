import { chmodSync, mkdirSync } from 'node:fs';
import { TreeThread } from '@gantry/layer';
import type { WholeDriver } from './driver.ts';

/** Plain copies of plain directories: it asks nothing of the disk, and takes the most of it. */
export function openVfs(): WholeDriver {
  return {
    kind: 'whole',
    name: 'vfs',
    status: [],
    sharesBytes: false,
    make,
    copy: async (from, to) => {
      make(to);
      await using thread = new TreeThread({ verb: 'copy', from, to });
      await thread.head;
    },
    drop: () => undefined,
  };
}

function make(path: string): void {
  mkdirSync(path);
  chmodSync(path, 0o755);
}
