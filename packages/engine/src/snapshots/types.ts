import type { ChangedDirectories, HiddenPaths, Hiding } from '@gantry/layer';
import type { ChainId, DiffId } from '@gantry/oci';
import type { Driver, PreparedRoot } from './drivers/driver.ts';

/** How a plan mounts a root, an overlay or with no lower ones a bind: all directories but `target` are relative to `cwd`, to keep the options short; lower ones topmost first. */
export type RootMount = {
  readonly cwd: string;
  readonly lower: readonly string[];
  /** undefined: a read-only view. */
  readonly upper: string | undefined;
  readonly work: string | undefined;
  /** An empty host directory to mount on; the same for all containers, since each mounts in its own namespace. */
  readonly target: string;
};

/** Chain IDs of layers that were, or would be, removed, topmost first, and the bytes gained. */
export type CollectedLayers = { readonly removed: readonly string[]; readonly reclaimedBytes: number };

/** Host paths of a stack of layers, for people who look under the hood. `lower` topmost first. */
export type StackPaths = {
  readonly lower: readonly string[];
  readonly upper: string;
  /** undefined for an image, which nothing is mounted of. */
  readonly work: string | undefined;
  readonly merged: string | undefined;
};

export type ContainerUsage = { readonly changedBytes: number; readonly diskBytes: number };

export type SnapshotRoom = {
  readonly driver: Pick<Driver, 'name' | 'status'>;
  /** Books a writable state for a container over the committed snapshot of `chainId` ('' = empty root), and holds that. */
  reserve(containerId: string, chainId: string): void;
  /** An empty host directory to mount on; the same for all containers, since each mounts in its own namespace. */
  readonly target: string;
  /** Makes sure of its directories, for a start or a look into it. @throws not-found when none was reserved, unavailable */
  prepare(containerId: string): Promise<PreparedRoot>;
  /** Where its changes show. `isRunning`: it writes to them meanwhile. @throws what `prepare` throws */
  changed(containerId: string, isRunning: boolean): Promise<ChangedDirectories>;
  /** undefined where nothing is stacked, or a layer is gone. */
  stackOfContainer(containerId: string): StackPaths | undefined;
  /** Drops the rows; to be called in the transaction that drops the container. @returns what removes the files, later */
  drop(containerId: string): () => Promise<void>;
  /** The layers that its drop would take along once others are gone, because nobody else needs them. */
  planDrop(containerId: string, dropped: readonly string[]): CollectedLayers;
  /** Bytes of what the container changed, and what its own tree takes on the disk. */
  usage(containerId: string): Promise<ContainerUsage>;
  sweep(keepContainers: ReadonlySet<string>): Promise<void>;
};

/** A layer being unpacked. Disposing removes the directory unless it was committed. */
export type Draft = AsyncDisposable & {
  /** Host path of the empty directory to unpack into. */
  readonly directory: string;
  /** How the tree in it is to say what it hides. */
  readonly hiding: Hiding;
  /** Records the layer as `chainId`, which somebody holds already. */
  commit(layer: NewLayer): void;
};

export type NewLayer = {
  readonly chainId: ChainId;
  readonly parent: ChainId | undefined;
  readonly diffId: DiffId;
  readonly sizeBytes: number;
  /** Directories whose owner and mode a lower layer knows. */
  readonly impliedDirectories: readonly string[];
  readonly hidden: HiddenPaths;
};

export type DamagedLayer = {
  readonly chainId: string;
  readonly path: string;
  /** What is wrong with it, as the end of a sentence about it. */
  readonly problem: string;
};

export type StrayDirectory = {
  readonly name: string;
  readonly path: string;
  /** It holds what a container wrote. */
  readonly isContainers: boolean;
};

/** What images need of snapshots, besides what containers need. */
export type LayerRoom = SnapshotRoom & {
  /** @returns the bytes of that layer alone, or undefined when it is not unpacked */
  find(chainId: ChainId): { readonly sizeBytes: number } | undefined;
  /** All layers, with the bytes of each alone and what it takes on the disk. */
  list(): readonly { readonly chainId: string; readonly sizeBytes: number; readonly diskBytes: number }[];
  /** undefined where nothing is stacked, or a layer is gone. */
  stackOfChain(chainId: string): StackPaths | undefined;
  /** Layers that are not what their rows say; with `reads` also by their size, which looks at every file. */
  damaged(options: { reads: boolean }, signal: AbortSignal): Promise<readonly DamagedLayer[]>;
  /** Directories that no row owns and nobody is making or removing. */
  strays(): readonly StrayDirectory[];
  removeStray(name: string): Promise<void>;
  /** Drops a layer whoever holds it, row and files: its holders hold a chain that may come again. */
  forget(chainId: string): Promise<void>;
  /** IDs of the containers whose root has one of these layers in it. */
  standingOn(chainIds: ReadonlySet<string>): readonly string[];
  /** Containers without a directory of their own, as all are before their first start. */
  unmade(): readonly string[];
  /** Containers whose root lacks a layer, each with the topmost one that is missing. */
  stranded(): readonly { readonly containerId: string; readonly chainId: string }[];
  draft(): Draft;
  /** A chain may be held before it is there: so it cannot be collected between its commit and the image's row. */
  hold(chainId: ChainId, user: string): void;
  /** Brings new layers together with those below, which are all there now. Lowest first. @throws not-found, SystemError */
  settle(chainIds: readonly ChainId[]): Promise<void>;
  /** Releases all that `user` holds. @returns what nobody needed any more, topmost first, and the bytes gained */
  release(user: string): Promise<CollectedLayers>;
  /** What `release` would return for each of these users in turn, once the containers `dropped` are gone. */
  planReleases(users: readonly string[], dropped: readonly string[]): readonly CollectedLayers[];
  /** Releases users that are gone, then removes layers without users and directories without rows. */
  sweepLayers(isAlive: (user: string) => boolean): Promise<void>;
};
