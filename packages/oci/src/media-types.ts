/** Media types of the documents and layers that registries and archives carry. */
export const mediaTypes = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerManifestV1: 'application/vnd.docker.distribution.manifest.v1+json',
  dockerManifestV1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerPlugin: 'application/vnd.docker.plugin.v1+json',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerForeignLayerGzip: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
} as const;

/** What a client says it accepts when it asks for a manifest: every form that `parseManifest` reads. */
export const acceptedManifestTypes: readonly string[] = [
  mediaTypes.ociIndex,
  mediaTypes.dockerManifestList,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
];

const layerTypes: ReadonlySet<string> = new Set([
  mediaTypes.ociLayer,
  mediaTypes.ociLayerGzip,
  mediaTypes.ociLayerZstd,
  mediaTypes.dockerLayer,
  mediaTypes.dockerLayerGzip,
  `${mediaTypes.dockerLayer}.zstd`,
  'application/vnd.oci.image.layer.nondistributable.v1.tar',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd',
  mediaTypes.dockerForeignLayerGzip,
]);

/** Tells whether a layer may not be redistributed, or is served by its `urls`: it is named in a manifest and never pushed. */
export function isForeignLayer(layer: { readonly mediaType: string; readonly urls: readonly string[] }): boolean {
  return /\.(nondistributable|foreign)\./.test(layer.mediaType) && layer.urls.length > 0;
}

/** Tells whether a descriptor's media type says "filesystem layer"; compression is told by the bytes, not by the name. */
export function isLayerType(mediaType: string): boolean {
  return layerTypes.has(mediaType);
}
