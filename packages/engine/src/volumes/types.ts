export type VolumeRecord = {
  readonly name: string;
  readonly driver: string;
  /** Host directory of its content. */
  readonly mountpoint: string;
  readonly createdAt: Date;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly anonymous: boolean;
};

export type VolumeCreateRequest = {
  /** Empty: a 64-digit name is made up and the volume is anonymous. */
  readonly name: string;
  readonly driver: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
};

/** Names of volumes that were, or would be, removed, and their bytes. */
export type VolumeRemoval = { readonly deleted: readonly string[]; readonly reclaimedBytes: number };

export type StrayVolume = {
  readonly name: string;
  readonly path: string;
  /** What a removal left that did not come to its end. */
  readonly isDoomed: boolean;
};

export type VolumeRoom = {
  /** The existing one when name and driver are the same. */
  create(request: VolumeCreateRequest): VolumeRecord;
  /** @throws not-found with Docker's text `get x: no such volume` */
  get(name: string): VolumeRecord;
  find(name: string): VolumeRecord | undefined;
  list(): readonly VolumeRecord[];
  /** @throws conflict with Docker's text when a container uses it */
  remove(name: string, force: boolean): Promise<void>;
  /** What `remove` would remove; nothing is changed. @throws what it throws */
  planRemoval(name: string, force: boolean): Promise<VolumeRemoval>;
  prune(match: (volume: VolumeRecord) => boolean): Promise<VolumeRemoval>;
  /** What `prune` would remove once the containers `dropped` are gone. Nothing is changed. */
  planPrune(match: (volume: VolumeRecord) => boolean, dropped: readonly string[]): Promise<VolumeRemoval>;
  /** Which containers hold it; kept by reference rows in the caller's transaction. */
  hold(name: string, containerId: string): void;
  release(containerId: string): void;
  holders(name: string): readonly string[];
  /** Bytes on disk. */
  usage(name: string): Promise<number>;
  /** Where rows may have been lost, before `sweep`: makes them again. @returns the names */
  adopt(): readonly string[];
  /** Volumes whose directory is not there. */
  damaged(): readonly { readonly name: string; readonly path: string }[];
  /** Directories that no row owns and nobody is removing. */
  strays(): readonly StrayVolume[];
  removeStray(name: string): Promise<void>;
  sweep(): Promise<void>;
};
