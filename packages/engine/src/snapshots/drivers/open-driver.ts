import { openBtrfs } from './btrfs.ts';
import { chooseDriver } from './choose.ts';
import type { Driver, DriverName } from './driver.ts';
import { openFuseOverlayfs } from './fuse-overlayfs.ts';
import { openOverlay2 } from './overlay2.ts';
import { lacksFor } from './probe.ts';
import { openVfs } from './vfs.ts';

export type DriverRequest = {
  readonly dataRoot: string;
  readonly layersDir: string;
  /** '' for nothing. */
  readonly configured: string;
  /** Our own word of an earlier start. */
  readonly present: DriverName | undefined;
};

/** Opens the driver of a data root. @throws what `chooseDriver` throws */
export function openDriver(request: DriverRequest): Driver {
  const { layersDir } = request;
  const name = chooseDriver({ ...request, lacks: (each) => lacksFor(each, layersDir) });
  switch (name) {
    case 'overlay2':
      return openOverlay2(request.dataRoot);
    case 'btrfs':
      return openBtrfs();
    case 'fuse-overlayfs':
      return openFuseOverlayfs(layersDir);
    case 'vfs':
      return openVfs();
  }
}
