/** What to mount on a view of a container's tree, as the container has it. */
export type ViewMount = {
  /** Host path. */
  readonly source: string;
  /** A path inside `source`, resolved there; '' for all of it. */
  readonly subpath: string;
  /** Path inside the container. */
  readonly destination: string;
  readonly recursive: boolean;
  readonly writable: boolean;
  /** False: left out where the container has nothing to mount on. */
  readonly makesTarget: boolean;
  /** An empty volume takes what the image has in its place, as a first start would do. */
  readonly copyUp: boolean;
};

/** mount(2), done after a change into `cwd`. */
export type OverlayMount = {
  readonly cwd: string;
  readonly source: string;
  readonly target: string;
  readonly fstype: string;
  readonly flags: bigint;
  readonly data: string;
};

/**
 * A container's file system as a user of `cp` and `export` sees it: its root with nothing of the kernel on it, and its
 * volumes and binds.
 *
 * `target` is an empty host directory to mount on: each view has a mount namespace of its own, so all may share it.
 */
export type TreeView = {
  readonly root:
    | {
        readonly kind: 'stopped';
        readonly overlay: OverlayMount;
        /** A mount on the host that the root is bound from, if there is one: the view does not hold it any longer. */
        readonly hostMount: string | undefined;
      }
    /** `startTicks` proves that the PID is still the container's. */
    | { readonly kind: 'running'; readonly pid: number; readonly startTicks: number };
  readonly target: string;
  readonly mounts: readonly ViewMount[];
};
