import { join } from 'node:path';
import { type Digest, parseDigest, splitDigest } from '@gantry/oci';
import type { RepositoryName, UploadId } from '../names.ts';

/**
 * Where everything lies below a registry's directory. A repository owns links only; the bytes, of blobs and of manifests
 * alike, lie once for all of them.
 *
 *     blobs/sha256/ab/ab12…                      bytes, under their digest
 *     repositories/NAME/_blobs/sha256/ab12…      this repository has the blob; holds its size
 *     repositories/NAME/_expected/sha256/ab12…   a cache knows of the blob, and has not fetched it for this repository yet
 *     repositories/NAME/_manifests/sha256/ab12…  this repository has the manifest; holds media type and size as JSON
 *     repositories/NAME/_tags/TAG                holds the digest
 *     repositories/NAME/_referrers/sha256/ab12…/sha256-cd34…   a descriptor as the referrers API shows it
 *     deltas/sha256-ab12…-sha256-cd34…           what the first blob's tar has that the second's has not; empty: too much of it
 *     uploads/UUID/state, uploads/UUID/data      what has arrived of a blob so far
 *     temporary/                                 files on their way to a name; swept at start
 */
export type Layout = {
  readonly root: string;
  readonly blobs: string;
  readonly repositories: string;
  readonly deltas: string;
  readonly uploads: string;
  readonly temporary: string;
  readonly tokenKey: string;
  readonly controlSocket: string;
  blob(digest: Digest): string;
  blobLinks(name: RepositoryName): string;
  blobLink(name: RepositoryName, digest: Digest): string;
  expectedLinks(name: RepositoryName): string;
  expectedLink(name: RepositoryName, digest: Digest): string;
  manifestLinks(name: RepositoryName): string;
  manifestLink(name: RepositoryName, digest: Digest): string;
  tags(name: RepositoryName): string;
  tag(name: RepositoryName, tag: string): string;
  referrers(name: RepositoryName, subject: Digest): string;
  referrer(name: RepositoryName, subject: Digest, digest: Digest): string;
  upload(id: UploadId): string;
  delta(blobs: DeltaBlobs): string;
};

/** What a delta is of: a blob, told as a difference from another. */
export type DeltaBlobs = { readonly target: Digest; readonly base: Digest };

/** Directories of a repository that hold its links; a name's component never begins with an underscore. */
export const linkDirectories = ['_blobs', '_expected', '_manifests', '_tags', '_referrers'] as const;

/** Reads the name of a delta; undefined for whatever else lies there. */
export function parseDeltaName(name: string): DeltaBlobs | undefined {
  const match = /^(sha256-[0-9a-f]{64}|sha512-[0-9a-f]{128})-(sha256-[0-9a-f]{64}|sha512-[0-9a-f]{128})$/.exec(name);
  const [, target = '', base = ''] = match ?? [];
  if (match === null) return undefined;
  return { target: parseDigest(target.replace('-', ':')), base: parseDigest(base.replace('-', ':')) };
}

export function layoutOf(root: string): Layout {
  const repositories = join(root, 'repositories');
  const split = (digest: Digest): string => digest.replace(':', '/');
  return {
    root,
    blobs: join(root, 'blobs'),
    repositories,
    deltas: join(root, 'deltas'),
    uploads: join(root, 'uploads'),
    temporary: join(root, 'temporary'),
    tokenKey: join(root, 'token.key'),
    controlSocket: join(root, 'control.sock'),
    blob: (digest) => {
      const { algorithm, hex } = splitDigest(digest);
      return join(root, 'blobs', algorithm, hex.slice(0, 2), hex);
    },
    blobLinks: (name) => join(repositories, name, '_blobs'),
    blobLink: (name, digest) => join(repositories, name, '_blobs', split(digest)),
    expectedLinks: (name) => join(repositories, name, '_expected'),
    expectedLink: (name, digest) => join(repositories, name, '_expected', split(digest)),
    manifestLinks: (name) => join(repositories, name, '_manifests'),
    manifestLink: (name, digest) => join(repositories, name, '_manifests', split(digest)),
    tags: (name) => join(repositories, name, '_tags'),
    tag: (name, tag) => join(repositories, name, '_tags', tag),
    referrers: (name, subject) => join(repositories, name, '_referrers', split(subject)),
    referrer: (name, subject, digest) =>
      join(repositories, name, '_referrers', split(subject), digest.replace(':', '-')),
    upload: (id) => join(root, 'uploads', id),
    delta: ({ target, base }) => join(root, 'deltas', `${target}-${base}`.replaceAll(':', '-')),
  };
}
