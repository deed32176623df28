import {
  containerConfig,
  type DeletedImageWire,
  type DescriptorWire,
  formatTime,
  type ImageHistoryWire,
  type ImageInspectWire,
  type ImageManifestWire,
  type ImageSummaryWire,
  isJsonObject,
  type JsonObject,
  unixSeconds,
} from '@gantry/api';
import type {
  ContainerView,
  DeletedImage,
  ImageManifest,
  ImageRecord,
  ImageRunConfig,
  ImageTarget,
} from '@gantry/engine';
import type { Platform } from '@gantry/oci';
import { printGraphDriver } from './graph-driver.ts';

// Docker prints an image's config in the container's shape, without what only a container can have.
const imageMembers = [
  'Cmd',
  'Entrypoint',
  'Env',
  'ExposedPorts',
  'Healthcheck',
  'ArgsEscaped',
  'Labels',
  'OnBuild',
  'Shell',
  'StopSignal',
  'User',
  'Volumes',
  'WorkingDir',
];

function printRunConfig(config: ImageRunConfig): JsonObject {
  const wire = containerConfig.print({ ...containerConfig.zero, ...config });
  const members = isJsonObject(wire) ? wire : {};
  const shown = imageMembers
    .filter((name) => members[name] !== undefined)
    .map((name) => [name, members[name]] as const);
  const labels = Object.keys(config.labels).length === 0 ? { Labels: null } : {};
  return { ...Object.fromEntries(shown), ...labels };
}

export type ImageDetails = {
  readonly storageDriver: string;
  readonly stack: ContainerView['stack'];
  /** What the document is of when one platform was asked for: its manifest, not the index. */
  readonly platform?: Platform | undefined;
  readonly manifests?: readonly ImageManifestWire[] | undefined;
};

/** The whole document of one image, as `docker inspect` shows it. */
export function printImage(
  image: ImageRecord,
  { storageDriver, stack, platform, manifests }: ImageDetails,
): ImageInspectWire {
  const target = platform === undefined ? image.target : image.manifest;
  return {
    Id: image.id,
    RepoTags: image.tags,
    RepoDigests: image.digests,
    Parent: '',
    Comment: image.comment,
    ...(image.createdAt === undefined ? {} : { Created: formatTime(image.createdAt) }),
    DockerVersion: image.dockerVersion,
    Author: image.author,
    Architecture: image.architecture,
    ...(image.variant === '' ? {} : { Variant: image.variant }),
    Os: image.os,
    Size: image.sizeBytes,
    GraphDriver: printGraphDriver(storageDriver, stack),
    RootFS: { Type: 'layers', ...(image.diffIds.length === 0 ? {} : { Layers: image.diffIds }) },
    Metadata: { LastTagTime: formatTime(image.lastTaggedAt) },
    ...(target === undefined ? {} : { Descriptor: printDescriptor(target, platform) }),
    ...(manifests === undefined ? {} : { Manifests: manifests }),
    Config: printRunConfig(image.config),
  };
}

/** A descriptor as the wire has it. */
export function printDescriptor(target: ImageTarget, platform?: Platform): DescriptorWire {
  const { mediaType, digest, sizeBytes: size } = target;
  if (platform === undefined) return { mediaType, digest, size };
  return { mediaType, digest, size, platform: printPlatform(platform) };
}

function printPlatform({ architecture, os, variant }: Platform): {
  architecture: string;
  os: string;
  variant?: string;
} {
  return { architecture, os, ...(variant !== '' && { variant }) };
}

/** One entry of `Manifests`. `containersOf` lists the containers that were made of an image. */
export function printManifest(
  manifest: ImageManifest,
  containersOf: (imageId: string) => readonly string[],
): ImageManifestWire {
  const { descriptor, contentBytes } = manifest;
  const { urls, annotations, platform, artifactType } = descriptor;
  const unpacked = manifest.kind === 'image' ? manifest.unpackedBytes : 0;
  const common = {
    ID: descriptor.digest,
    Descriptor: {
      ...printDescriptor(descriptor),
      ...(urls.length > 0 && { urls }),
      ...(Object.keys(annotations).length > 0 && { annotations }),
      ...(platform !== undefined && { platform: printPlatform(platform) }),
      ...(artifactType !== '' && { artifactType }),
    },
    Available: manifest.isAvailable,
    Size: { Content: contentBytes, Total: contentBytes + unpacked },
  };
  switch (manifest.kind) {
    case 'image': {
      const users = manifest.imageId === undefined ? [] : containersOf(manifest.imageId);
      const data = { Platform: printPlatform(manifest.platform), Size: { Unpacked: unpacked } };
      return { ...common, Kind: 'image', ImageData: { ...data, Containers: users.length === 0 ? null : users } };
    }
    case 'attestation':
      return { ...common, Kind: 'attestation', AttestationData: { For: manifest.of } };
    case 'artifact':
      return { ...common, Kind: 'unknown' };
  }
}

/** One row of a list. `sharedSize` is -1 when nobody asked for it. */
export function printImageRow(
  image: ImageRecord,
  counts: { containers: number; sharedSize: number },
  manifests?: readonly ImageManifestWire[],
): ImageSummaryWire {
  return {
    Containers: counts.containers,
    Created: unixSeconds(image.createdAt),
    ...(image.target === undefined ? {} : { Descriptor: printDescriptor(image.target) }),
    Id: image.id,
    Labels: Object.keys(image.config.labels).length === 0 ? null : image.config.labels,
    ...(manifests === undefined ? {} : { Manifests: manifests }),
    ParentId: '',
    RepoDigests: image.digests,
    RepoTags: image.tags,
    SharedSize: counts.sharedSize,
    // A list of manifests counts what they are kept as, too.
    Size: (manifests ?? []).reduce((sum, { Size }) => sum + Size.Content, image.familyBytes),
  };
}

/**
 * The history of an image, newest step first. Only the newest has an ID, since the others are no images here; the sizes
 * of single layers are not kept, so the size of the whole stands at the newest layer.
 */
export function printHistory(image: ImageRecord): readonly ImageHistoryWire[] {
  const steps = [...image.history].reverse();
  const newestLayer = steps.findIndex((step) => !step.emptyLayer);
  return steps.map((step, index) => ({
    Comment: step.comment,
    Created: unixSeconds(step.createdAt),
    CreatedBy: step.createdBy,
    Id: index === 0 ? image.id : '<missing>',
    Size: index === newestLayer ? image.sizeBytes : 0,
    Tags: index === 0 && image.tags.length > 0 ? image.tags : null,
  }));
}

export function printDeleted(deleted: DeletedImage): DeletedImageWire {
  return 'untagged' in deleted ? { Untagged: deleted.untagged } : { Deleted: deleted.deleted };
}
