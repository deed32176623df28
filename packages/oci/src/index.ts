export {
  type ChainId,
  chainIds,
  type DiffId,
  type Digest,
  type DigestAlgorithm,
  parseChainId,
  parseDiffId,
  parseDigest,
  splitDigest,
} from './digest.ts';
export { type Fields, fieldsOf, parseFields } from './fields.ts';
export {
  emptyRunConfig,
  formatImageConfig,
  type Healthcheck,
  type HistoryEntry,
  type ImageConfig,
  maximumConfigBytes,
  parseImageConfig,
  type RunConfig,
} from './image-config.ts';
export {
  type Descriptor,
  descriptorToJson,
  type EntryKind,
  entryKind,
  formatManifest,
  type Index,
  type Manifest,
  maximumLayers,
  maximumManifestBytes,
  parseDescriptor,
  parseManifest,
  plainDescriptor,
} from './manifest.ts';
export { acceptedManifestTypes, isForeignLayer, isLayerType, mediaTypes } from './media-types.ts';
export {
  choosePlatform,
  formatPlatform,
  normalizePlatform,
  type Platform,
  parsePlatform,
  platformsRunnableOn,
  samePlatform,
} from './platform.ts';
export {
  defaultDomain,
  familiarName,
  formatReference,
  isTag,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from './reference.ts';
export * from './runtime-spec.ts';
