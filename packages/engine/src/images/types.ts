import type { Descriptor, Platform } from '@gantry/oci';
import type { SearchResult } from '@gantry/registry';
import type { StackPaths } from '../snapshots/types.ts';

export type { SearchResult } from '@gantry/registry';
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
  /** IDs of the images that its names mean too, for other platforms. */
  readonly siblings: readonly string[];
  /** Unpacked bytes of this and its siblings, what they share once. */
  readonly familyBytes: number;
  /** A tag means it first, or no index has it for another platform: lists have a row for it. */
  readonly isFirst: boolean;
  /** The index or the manifest that its name means; undefined: it came without one. */
  readonly target: ImageTarget | undefined;
  /** The manifest that it came with. */
  readonly manifest: ImageTarget | undefined;
  /** Stored, tagged, pushed, saved, or a container on it came or went. */
  readonly lastUsedAt: Date;
  readonly history: readonly {
    readonly createdAt: Date | undefined;
    readonly createdBy: string;
    readonly comment: string;
    readonly emptyLayer: boolean;
    readonly author: string;
  }[];
};

export type ImageTarget = Pick<Descriptor, 'mediaType' | 'digest' | 'sizeBytes'>;

/** A manifest of an image: the only one, or an entry of its index. */
export type ImageManifest = {
  readonly descriptor: Descriptor;
  /** It is here with all that it names. */
  readonly isAvailable: boolean;
  /** Bytes of it and of what it names, as far as they are kept here as they came. */
  readonly contentBytes: number;
} & (
  | {
      readonly kind: 'image';
      readonly platform: Platform;
      /** undefined: it is not here. */
      readonly imageId: string | undefined;
      readonly unpackedBytes: number;
    }
  | { readonly kind: 'attestation'; readonly of: string }
  | { readonly kind: 'artifact' }
);

/** Progress of a pull, push, load or import: Docker's JSON stream is printed from it by the daemon. */
export type ProgressEvent = {
  readonly id?: string;
  readonly status: string;
  readonly current?: number;
  readonly total?: number;
  /** What a push ended as, for programs. */
  readonly pushed?: { readonly tag: string; readonly digest: string; readonly sizeBytes: number };
  /** A push sent this manifest, since not all of the index is here. */
  readonly insteadOfIndex?: { readonly index: ImageTarget; readonly manifest: ImageTarget } | undefined;
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

export type PushRequest = {
  /** Repository as the user wrote it; a tag in it is ignored, as Docker does. */
  readonly name: string;
  /** '': all tags of that repository. */
  readonly tag: string;
  /** The image must be for it; undefined: whatever it is for. */
  readonly platform: Platform | undefined;
  readonly auth: RegistryAuth | undefined;
};

export type LoadRequest = {
  readonly archive: AsyncIterable<Uint8Array>;
  /** Of an archive for several platforms; undefined: what this machine runs. */
  readonly platform: Platform | undefined;
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

export type CommitImageRequest = {
  /** What lies on the parent, as a layer's tar. */
  readonly layer: AsyncIterable<Uint8Array>;
  /** ID of the image below. */
  readonly parent: string;
  readonly config: ImageRunConfig;
  readonly createdBy: string;
  readonly author: string;
  readonly comment: string;
  /** '' for an image without a name. */
  readonly reference: string;
};

export type DeletedImage = { readonly untagged: string } | { readonly deleted: string };

export type ImageRemoval = { readonly deleted: readonly DeletedImage[]; readonly reclaimedBytes: number };

/** Which images go by themselves; sizes are those of `ImageUsage`. */
export type CollectPolicy = {
  /** Who was not used for longer goes, however much room there is; undefined: nobody does. */
  readonly unusedForMs: number | undefined;
  /** Who was used within this time never goes. */
  readonly keepDurationMs: number;
  readonly maxUsedBytes: number | undefined;
  /** Of the file system of the data root. */
  readonly minFree: { readonly bytes: number } | { readonly percent: number } | undefined;
  /** So much may stay, however short room is. */
  readonly reservedBytes: number;
  readonly keeps: (image: ImageRecord) => boolean;
};

export type CollectedImage = ImageRemoval & { readonly id: string; readonly name: string; readonly why: string };

export type Collection = {
  readonly images: readonly CollectedImage[];
  /** Gained from blobs that waited for a pull to go on. */
  readonly partialBytes: number;
};

export type ImageUsage = {
  /** All layers and blobs, each once, and partial blobs. */
  readonly totalBytes: number;
  /** With the siblings of each. */
  readonly byImage: ReadonlyMap<string, ImageBytes>;
};

export type ImageBytes = {
  readonly sizeBytes: number;
  readonly sharedBytes: number;
  /** Of what is shared, the unpacked layers alone. */
  readonly sharedLayerBytes: number;
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
  /**
   * By reference, ID or unique ID prefix; of several platforms the one that is asked for, or that runs best here.
   *
   * @throws not-found with Docker's texts, `No such image: x` or that it is not for that platform
   */
  get(nameOrId: string, platform?: Platform): ImageRecord;
  /** What the index of an image lists, or the one manifest it came with. @throws not-found */
  manifests(nameOrId: string): readonly ImageManifest[];
  find(nameOrId: string): ImageRecord | undefined;
  list(): readonly ImageRecord[];
  /** Where its layers are, when they are stacked. */
  stackOf(image: ImageRecord): StackPaths | undefined;
  pull(request: PullRequest, onProgress: (event: ProgressEvent) => void, signal: AbortSignal): Promise<void>;
  push(request: PushRequest, onProgress: (event: ProgressEvent) => void, signal: AbortSignal): Promise<void>;
  /** docker-save and OCI archives, gzip and zstd recognised. @returns loaded references or IDs */
  load(
    request: LoadRequest,
    onProgress: (event: ProgressEvent) => void,
    signal: AbortSignal,
  ): Promise<readonly string[]>;
  /** A root filesystem tar becomes a one-layer image. @returns the image ID */
  import(request: ImportRequest, onProgress: (event: ProgressEvent) => void, signal: AbortSignal): Promise<string>;
  /** Puts one layer on an image. @returns the new image's ID */
  commit(request: CommitImageRequest, signal: AbortSignal): Promise<string>;
  /**
   * Writes images as an archive that is both `docker save`'s and an OCI layout. What is wrong with the names is told
   * before the first byte.
   *
   * @throws not-found with Docker's text
   */
  save(names: readonly string[], platform: Platform | undefined, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Looks at a reference in its registry, pulling nothing. */
  inspectRemote(
    request: { readonly reference: string; readonly auth: RegistryAuth | undefined },
    signal: AbortSignal,
  ): Promise<import('./inspect-remote.ts').RemoteImage>;
  /** Shows credentials to a registry. @returns a token in their place, if the registry gives one. @throws denied */
  logIn(auth: RegistryAuth, signal: AbortSignal): Promise<string | undefined>;
  search(
    request: { readonly term: string; readonly limit: number; readonly auth: RegistryAuth | undefined },
    signal: AbortSignal,
  ): Promise<readonly SearchResult[]>;
  tag(source: string, reference: string): void;
  /** `inUse` lists containers by image ID: Docker's conflict texts name them. Without `platforms` all of them go. */
  remove(
    nameOrId: string,
    options: { force: boolean; platforms: readonly Platform[] },
    inUse: (imageId: string) => readonly { id: string; running: boolean }[],
  ): Promise<readonly DeletedImage[]>;
  /** What `remove` would do once the names `after` were removed in the same way. Nothing is changed. @throws what it throws */
  planRemoval(
    nameOrId: string,
    options: { force: boolean; platforms: readonly Platform[]; after: readonly string[] },
    inUse: (imageId: string) => readonly { id: string; running: boolean }[],
  ): ImageRemoval;
  prune(match: (image: ImageRecord) => boolean, inUse: (imageId: string) => boolean): Promise<ImageRemoval>;
  /** What `prune` would remove once the containers `dropped` are gone. Nothing is changed. */
  planPrune(
    match: (image: ImageRecord) => boolean,
    inUse: (imageId: string) => boolean,
    dropped: readonly string[],
  ): ImageRemoval;
  /** What partial blobs take. */
  partialBytes(): number;
  /** Removes them, but for those that a pull goes on with now. @returns the bytes gained */
  dropPartials(): number;
  /** Removes what the policy lets go. @throws invalid when there is none */
  collect(inUse: (imageId: string) => boolean): Promise<Collection>;
  /** What `collect` would remove now. Nothing is changed. @throws what it throws */
  planCollection(inUse: (imageId: string) => boolean): Collection;
  /** Notes that a container on it came or went. Joins the caller's transaction. */
  markUsed(imageId: string): void;
  /** What images take on disk: unpacked layers, and the blobs that they came as. */
  usage(): ImageUsage;
  /** Images that have one of these layers or blobs. */
  having(lost: LostContent): readonly DiscardedImage[];
  /** Removes layers and blobs that are not what they should be, and every image that has one of them. */
  discard(lost: LostContent): Promise<readonly DiscardedImage[]>;
  /** Finishes or undoes what a killed daemon left half-made. */
  recover(): Promise<void>;
};
