import {
  containerConfig,
  type DeletedImageWire,
  formatTime,
  type ImageHistoryWire,
  type ImageInspectWire,
  type ImageSummaryWire,
  isJsonObject,
  type JsonObject,
  unixSeconds,
} from '@gantry/api';
import type { DeletedImage, ImageRecord, ImageRunConfig } from '@gantry/engine';

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

/** The whole document of one image, as `docker inspect` shows it. */
export function printImage(image: ImageRecord, storageDriver: string): ImageInspectWire {
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
    GraphDriver: { Data: null, Name: storageDriver },
    RootFS: { Type: 'layers', ...(image.diffIds.length === 0 ? {} : { Layers: image.diffIds }) },
    Metadata: { LastTagTime: formatTime(image.lastTaggedAt) },
    Config: printRunConfig(image.config),
  };
}

/** One row of a list. `sharedSize` is -1 when nobody asked for it. */
export function printImageRow(
  image: ImageRecord,
  counts: { containers: number; sharedSize: number },
): ImageSummaryWire {
  return {
    Containers: counts.containers,
    Created: unixSeconds(image.createdAt),
    Id: image.id,
    Labels: Object.keys(image.config.labels).length === 0 ? null : image.config.labels,
    ParentId: '',
    RepoDigests: image.digests,
    RepoTags: image.tags,
    SharedSize: counts.sharedSize,
    Size: image.sizeBytes,
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
