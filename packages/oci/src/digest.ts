import { EngineError } from '@gantry/base';

/** `sha256:…` or `sha512:…` of some bytes: their name everywhere. */
export type Digest = string & { readonly __brand: 'Digest' };
/** The digest of a layer's uncompressed tar. */
export type DiffId = Digest & { readonly __layer: 'DiffId' };
/** The digest that names a stack of layers. */
export type ChainId = Digest & { readonly __stack: 'ChainId' };

export type DigestAlgorithm = 'sha256' | 'sha512';

const encodedLength: Readonly<Record<string, number>> = { sha256: 64, sha512: 128 };
const grammar = /^([a-z0-9]+(?:[+._-][a-z0-9]+)*):([a-zA-Z0-9=_-]+)$/;

/**
 * Parses a digest strictly: a registered algorithm and exactly its count of lower-case hexadecimal digits.
 *
 * SAFETY: a digest becomes a file name and part of a URL, so nothing but hexadecimal digits may pass (CVE-2024-3727).
 *
 * Spec: OCI image-spec 1.1, descriptor.md, "Digests".
 * @throws invalid
 */
export function parseDigest(text: string): Digest {
  const match = grammar.exec(text.slice(0, 256));
  const [, algorithm = '', encoded = ''] = match ?? [];
  if (match === null) throw new EngineError('invalid', 'invalid checksum digest format');
  const length = encodedLength[algorithm];
  if (length === undefined) throw new EngineError('invalid', `unsupported digest algorithm: "${algorithm}"`);
  if (encoded.length !== length) throw new EngineError('invalid', 'invalid checksum digest length');
  if (!/^[a-f0-9]+$/.test(encoded)) throw new EngineError('invalid', 'invalid checksum digest format');
  return text as Digest;
}

/** Parses the digest of an uncompressed layer. @throws invalid */
export function parseDiffId(text: string): DiffId {
  return parseDigest(text) as DiffId;
}

/** Parses the name of a stack of layers. @throws invalid */
export function parseChainId(text: string): ChainId {
  return parseDigest(text) as ChainId;
}

/** Splits a digest into its algorithm and its hexadecimal digits. */
export function splitDigest(digest: Digest): { readonly algorithm: DigestAlgorithm; readonly hex: string } {
  const colon = digest.indexOf(':');
  return { algorithm: digest.slice(0, colon) === 'sha512' ? 'sha512' : 'sha256', hex: digest.slice(colon + 1) };
}

/**
 * Names the filesystem that each layer of an image produces, lowest layer first.
 *
 * Equal chain IDs mean equal filesystems, so a chain ID is the name of a committed snapshot and a layer is unpacked
 * once, whatever image brings it.
 *
 * Spec: OCI image-spec 1.1, config.md, "Layer ChainID".
 *
 * @param diffIds digests of the uncompressed layers, lowest first; may be empty
 * @param sha256Hex hashes the UTF-8 bytes of a text; an argument because a pure package has no synchronous SHA-256
 */
export function chainIds(diffIds: readonly DiffId[], sha256Hex: (text: string) => string): ChainId[] {
  const chains: ChainId[] = [];
  let below: string | undefined;
  for (const diffId of diffIds) {
    below = below === undefined ? diffId : `sha256:${sha256Hex(`${below} ${diffId}`)}`;
    chains.push(parseChainId(below));
  }
  return chains;
}
