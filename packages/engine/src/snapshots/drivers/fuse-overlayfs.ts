import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '@gantry/base';
import { umount } from '@gantry/native';
import type { RootMount } from '../types.ts';
import type { StackedDriver } from './driver.ts';

/** How long a process may take to write out and end, once its container has ended. */
const longestEndMs = 30_000;
const stepMs = 5;

/**
 * An overlay by a process of user space for each run of a container. The daemon mounts it on the host, the container's
 * plan binds it into its own mount namespace, and the daemon lets go of it: from then on the container's namespace holds
 * it alone, and the kernel ends the process with the namespace. So the process outlives the daemon, as a shim does.
 */
export function openFuseOverlayfs(layersDir: string): StackedDriver {
  return {
    kind: 'stacked',
    name: 'fuse-overlayfs',
    status: [],
    prepare: async (overlay) => {
      await quiet(overlay);
      const merged = join(layersDir, mergedOf(overlay));
      mkdirSync(merged, { recursive: true, mode: 0o700 });
      await mountOverlay(overlay);
      const release = (): void => umount(merged);
      const { cwd, target } = overlay;
      return {
        mount: { cwd, lower: [], upper: mergedOf(overlay), work: undefined, target },
        hostMount: merged,
        [Symbol.dispose]: release,
      };
    },
    quiet,
    sweep: () => {
      for (const path of mountsBelow(layersDir)) umount(path);
    },
  };
}

function mergedOf({ work = '' }: RootMount): string {
  return work.replace(/work$/, 'merged');
}

/** Without a cache of writes in the kernel: what was written is in the upper directory, for `diff` and `commit`. */
function optionsOf({ lower, upper, work }: RootMount): string {
  return `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work},writeback=0`;
}

/** The program returns when the overlay is mounted; its copy in the background serves it. */
async function mountOverlay(overlay: RootMount): Promise<void> {
  const process = Bun.spawn(['fuse-overlayfs', '-o', optionsOf(overlay), mergedOf(overlay)], {
    cwd: overlay.cwd,
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
  });
  const said = await new Response(process.stderr).text();
  if ((await process.exited) === 0) return;
  throw new EngineError('unavailable', `cannot mount root filesystem: fuse-overlayfs: ${said.trim()}`);
}

/** Two processes must not serve one upper directory: the last run's ends in its own time. */
async function quiet(overlay: RootMount): Promise<void> {
  const deadline = Date.now() + longestEndMs;
  while (isServed(overlay)) {
    if (Date.now() > deadline)
      throw new EngineError('unavailable', `cannot use "${overlay.upper}": a fuse-overlayfs still serves it`, {
        hint: 'a process of the container may be stuck in the kernel: look for one in state D',
      });
    await Bun.sleep(stepMs);
  }
}

function isServed({ upper }: RootMount): boolean {
  return readdirSync('/proc').some((pid) => /^\d+$/.test(pid) && commandLineOf(pid).includes(`,upperdir=${upper},`));
}

function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it has ended since it was listed
  }
}

/** Mount points below a directory, the newest first. */
function mountsBelow(directory: string): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
    )
    .filter((path) => path.startsWith(`${directory}/`))
    .reverse();
}
