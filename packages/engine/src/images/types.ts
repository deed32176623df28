export type { RootMount, SnapshotRoom } from '../snapshots/index.ts';

/** What the OCI or Docker image config says about running it: laid under the user's own config. */
export type ImageRunConfig = {
  readonly user: string;
  readonly exposedPorts: readonly string[];
  readonly env: readonly string[];
  readonly entrypoint: readonly string[] | undefined;
  readonly cmd: readonly string[] | undefined;
  readonly volumes: readonly string[];
  readonly workingDir: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal: string;
  readonly shell: readonly string[] | undefined;
  readonly healthcheck: import('../containers/types.ts').HealthConfig | undefined;
  readonly argsEscaped: boolean;
  readonly onBuild: readonly string[] | undefined;
};

export type ImageRecord = {
  /** `sha256:…` of the image config blob, as Docker's classic store names images. */
  readonly id: string;
  /** `name:tag` references, familiar form (`busybox:latest`). */
  readonly tags: readonly string[];
  /** `name@sha256:…` references. */
  readonly digests: readonly string[];
  readonly createdAt: Date | undefined;
  readonly architecture: string;
  readonly variant: string;
  readonly os: string;
  readonly author: string;
  readonly comment: string;
  readonly dockerVersion: string;
  /** Unpacked bytes of all layers. */
  readonly sizeBytes: number;
  readonly diffIds: readonly string[];
  /** Of the whole stack; '' when it has no layers. */
  readonly chainId: string;
  readonly config: ImageRunConfig;
  readonly lastTaggedAt: Date | undefined;
  readonly history: readonly {
    readonly createdAt: Date | undefined;
    readonly createdBy: string;
    readonly comment: string;
    readonly emptyLayer: boolean;
    readonly author: string;
  }[];
};

/** Progress of a pull, load or import: Docker's JSON stream is printed from it by the daemon. */
export type ProgressEvent = {
  readonly id?: string;
  readonly status: string;
  readonly current?: number;
  readonly total?: number;
};

export type RegistryAuth = {
  readonly username: string;
  readonly password: string;
  readonly identityToken: string;
  readonly registryToken: string;
  readonly serverAddress: string;
};

export type PullRequest = {
  /** As the user wrote it, with tag or digest. */
  readonly reference: string;
  readonly allTags: boolean;
  /** `linux/arm64`; empty: the host's. */
  readonly platform: string;
  readonly auth: RegistryAuth | undefined;
};

export type ImportRequest = {
  readonly archive: AsyncIterable<Uint8Array>;
  /** '' for an image without a name. */
  readonly reference: string;
  readonly message: string;
  /** Dockerfile instructions that only change the config. */
  readonly changes: readonly string[];
  readonly platform: string;
};

export type DeletedImage = { readonly untagged: string } | { readonly deleted: string };

export type ImageUsage = {
  /** All layers and blobs, each once. */
  readonly totalBytes: number;
  readonly byImage: ReadonlyMap<string, { readonly sizeBytes: number; readonly sharedBytes: number }>;
};

export type LostContent = {
  /** Chain IDs. */
  readonly layers: ReadonlySet<string>;
  readonly blobs: ReadonlySet<string>;
};

export type DiscardedImage = {
  readonly id: string;
  /** One of its names, a tag if it has one; else its short ID. */
  readonly name: string;
  /** It came from a registry, which has it still. */
  readonly isPullable: boolean;
};

export type ImageRoom = {
  /** By reference, ID or unique ID prefix. @throws not-found with Docker's text `No such image: x` */
  get(nameOrId: string): ImageRecord;
  find(nameOrId: string): ImageRecord | undefined;
  list(): readonly ImageRecord[];
  pull(request: PullRequest, onProgress: (event: ProgressEvent) => void, signal: AbortSignal): Promise<void>;
  /** docker-save and OCI archives, gzip and zstd recognised. @returns loaded references or IDs */
  load(
    archive: AsyncIterable<Uint8Array>,
    onProgress: (event: ProgressEvent) => void,
    signal: AbortSignal,
  ): Promise<readonly string[]>;
  /** A root filesystem tar becomes a one-layer image. @returns the image ID */
  import(request: ImportRequest, onProgress: (event: ProgressEvent) => void, signal: AbortSignal): Promise<string>;
  tag(source: string, reference: string): void;
  /** `inUse` lists containers by image ID: Docker's conflict texts name them. */
  remove(
    nameOrId: string,
    options: { force: boolean; prune: boolean },
    inUse: (imageId: string) => readonly { id: string; running: boolean }[],
  ): Promise<readonly DeletedImage[]>;
  prune(
    match: (image: ImageRecord) => boolean,
    inUse: (imageId: string) => boolean,
  ): Promise<{ deleted: readonly DeletedImage[]; reclaimedBytes: number }>;
  /** What images take on disk: unpacked layers, and the blobs that they came as. */
  usage(): ImageUsage;
  /** Images that have one of these layers or blobs. */
  having(lost: LostContent): readonly DiscardedImage[];
  /** Removes layers and blobs that are not what they should be, and every image that has one of them. */
  discard(lost: LostContent): Promise<readonly DiscardedImage[]>;
  /** Finishes or undoes what a killed daemon left half-made. */
  recover(): Promise<void>;
};
