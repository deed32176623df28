import { type Digest, type DigestAlgorithm, isTag, parseDigest } from '@gantry/oci';
import { RegistryError } from './registry-error.ts';

/** A repository's name, checked: safe as a path below a directory, since no component begins with a dot or an underscore. */
export type RepositoryName = string & { readonly __brand: 'RepositoryName' };

/** The name of an upload session: a UUID that this registry made. */
export type UploadId = string & { readonly __brand: 'UploadId' };

export type TagOrDigest =
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'digest'; readonly digest: Digest };

const maximumNameLength = 255;
const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const nameGrammar = new RegExp(`^${component}(?:/${component})*$`);
const uploadGrammar = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * SAFETY: names become paths; the grammar admits no `..`, no empty component and no leading dot or underscore.
 *
 * Spec: OCI distribution-spec 1.1, "Pulling manifests".
 * @throws NAME_INVALID
 */
export function parseRepositoryName(text: string): RepositoryName {
  if (!isRepositoryName(text)) {
    throw new RegistryError('NAME_INVALID', 'invalid repository name', { detail: { name: text.slice(0, 300) } });
  }
  return text;
}

/** Tells whether a text is a repository's name. */
export function isRepositoryName(text: string): text is RepositoryName {
  return text.length <= maximumNameLength && nameGrammar.test(text);
}

/** @throws TAG_INVALID, DIGEST_INVALID */
export function parseTagOrDigest(text: string): TagOrDigest {
  return text.includes(':')
    ? { kind: 'digest', digest: parseWireDigest(text) }
    : { kind: 'tag', tag: parseWireTag(text) };
}

/** @throws TAG_INVALID */
export function parseWireTag(text: string): string {
  if (!isTag(text)) throw new RegistryError('TAG_INVALID', 'invalid tag', { detail: { tag: text.slice(0, 200) } });
  return text;
}

/** @throws DIGEST_INVALID */
export function parseWireDigest(text: string): Digest {
  try {
    return parseDigest(text);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : 'invalid digest';
    throw new RegistryError('DIGEST_INVALID', message, { detail: { digest: text.slice(0, 200) }, cause });
  }
}

/** The algorithm that an upload shall be hashed with. @throws DIGEST_INVALID */
export function parseAlgorithm(text: string): DigestAlgorithm {
  if (text !== 'sha256' && text !== 'sha512')
    throw new RegistryError('DIGEST_INVALID', `unsupported digest algorithm: "${text.slice(0, 40)}"`);
  return text;
}

/** @throws BLOB_UPLOAD_UNKNOWN: what is no UUID was never handed out */
export function parseUploadId(text: string): UploadId {
  if (!isUploadId(text)) throw new RegistryError('BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
  return text;
}

/** Tells whether a text is the name of an upload session. */
export function isUploadId(text: string): text is UploadId {
  return uploadGrammar.test(text);
}
