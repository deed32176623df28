import type { Digest } from '@gantry/oci';
import type { Access } from '../auth/access.ts';
import type { Deltas } from '../deltas.ts';
import type { RepositoryName, TagOrDigest, UploadId } from '../names.ts';
import type { Upstream } from '../proxy/upstream.ts';
import { RegistryError } from '../registry-error.ts';
import type { Store } from '../store/store.ts';

/** What an API request stands on. */
export type CallContext = {
  readonly request: Request;
  readonly url: URL;
  readonly store: Store;
  readonly deltas: Deltas;
  /** Undefined: this registry is no proxy. */
  readonly upstream: Upstream | undefined;
  readonly access: Access;
  /** Manifests may name parts that are not here. */
  readonly allowsSparse: boolean;
  /** Undefined: figures are served elsewhere. */
  readonly metricsText: (() => string) | undefined;
};

/** A request within one repository, its path parsed. */
export type RepositoryCall = CallContext & { readonly name: RepositoryName };
export type ManifestCall = RepositoryCall & { readonly asked: TagOrDigest };
export type BlobCall = RepositoryCall & { readonly digest: Digest };
export type UploadCall = RepositoryCall & { readonly id: UploadId };

export type Answer = Response | Promise<Response>;

/** A cache has what its source has, and nothing else. @throws UNSUPPORTED */
export function refusePush({ upstream }: CallContext): void {
  if (upstream !== undefined)
    throw new RegistryError('UNSUPPORTED', 'this registry is a cache of another: push to that one');
}
