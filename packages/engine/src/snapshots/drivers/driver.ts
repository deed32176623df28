import type { TreeCopy } from '@gantry/layer';
import type { RootMount } from '../types.ts';

/** In the order in which they are tried when nobody chooses: ADR 17. */
export const driverNames = ['overlay2', 'btrfs', 'fuse-overlayfs', 'vfs'] as const;
export type DriverName = (typeof driverNames)[number];

/** A root that is ready to be mounted. Dispose it when it is mounted elsewhere, or will not be. */
export type PreparedRoot = Disposable & {
  readonly mount: RootMount;
  /** What stands mounted on the host until then. */
  readonly hostMount: string | undefined;
};

/** Each layer's directory holds that layer alone, in overlayfs's form, and a root is a stack of them. */
export type StackedDriver = {
  readonly kind: 'stacked';
  readonly name: DriverName;
  /** Lines of `docker info`. */
  readonly status: readonly (readonly [string, string])[];
  /** Makes of an overlay what a plan can mount by itself. */
  prepare(overlay: RootMount): PreparedRoot | Promise<PreparedRoot>;
  /** Settles when nobody writes to the directories of a container that has ended. */
  quiet(overlay: RootMount): void | Promise<void>;
  /** Takes away what a daemon that was killed left between. */
  sweep(): void;
};

/** Each layer's directory holds all that is below it too, and a container's is a copy of one. */
export type WholeDriver = {
  readonly kind: 'whole';
  readonly name: DriverName;
  readonly status: readonly (readonly [string, string])[];
  /** A copy takes room on the disk only for what is changed in it. */
  readonly sharesBytes: boolean;
  /** Makes an empty tree, a directory that is not there yet. */
  make(path: string): void;
  /** How a tree is copied; in a thread, since it takes its time. */
  readonly copiesBy: TreeCopy['by'];
  /** Takes a tree out of a directory at once, where the disk can; what is left goes file by file. */
  drop(dirFd: number, name: string): void;
};

export type Driver = StackedDriver | WholeDriver;
