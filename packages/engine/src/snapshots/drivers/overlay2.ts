import type { StackedDriver } from './driver.ts';
import { filesystemName } from './filesystem-name.ts';

/** The kernel's overlayfs, mounted by each container's own plan: nothing is prepared and nothing is left. */
export function openOverlay2(dataRoot: string): StackedDriver {
  return {
    kind: 'stacked',
    name: 'overlay2',
    status: [
      ['Backing Filesystem', filesystemName(dataRoot)],
      ['Supports d_type', 'true'],
      ['Using metacopy', 'false'],
      ['Native Overlay Diff', 'true'],
      ['userxattr', 'false'],
    ],
    prepare: (mount) => ({ mount, hostMount: undefined, [Symbol.dispose]: () => undefined }),
    quiet: () => undefined,
    sweep: () => undefined,
  };
}
