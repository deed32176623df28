import { isEngineError } from '@gantry/base';
import {
  type Descriptor,
  formatReference,
  type Index,
  type Manifest,
  maximumConfigBytes,
  parseFields,
  parseManifest,
  type Reference,
  repositoryOf,
} from '@gantry/oci';
import {
  anonymous,
  type Credentials,
  type Destination,
  type FetchedManifest,
  openDestination,
  openRepositories,
  proxiesOf,
  type Registries,
  type Repository,
  usualConfigDirs,
} from '@gantry/registry';
import { CliError } from '../cli-error.ts';
import { findCredentials, registryKey } from '../credentials/credentials.ts';
import { type ManifestEntry, parseEntryPlatform } from './entry.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export type RemoteOptions = { readonly environment: Environment; readonly insecure: boolean };

/** The client speaks to registries itself here, with its own credentials and proxies, as Docker's does. */
async function openOptions(
  reference: Reference,
  { environment, insecure }: RemoteOptions,
): Promise<{ credentials: Credentials; registries: Registries }> {
  const credentials = await findCredentials(registryKey(reference.domain), environment);
  const registries = {
    insecure: insecure ? [reference.domain] : [],
    mirrors: [],
    configDirs: usualConfigDirs,
    proxies: proxiesOf(environment),
  };
  return { credentials: credentials ?? anonymous, registries };
}

export async function openRemote(reference: Reference, options: RemoteOptions): Promise<Destination> {
  return openDestination(reference, await openOptions(reference, options));
}

/** The name in full, tag and digest included. */
export function fullName(reference: Reference): string {
  const { tag, digest } = reference;
  return `${repositoryOf(reference)}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** What a name means in its registry: one image, or a list of them. */
export type RemoteManifest =
  | { readonly kind: 'image'; readonly entry: ManifestEntry }
  | { readonly kind: 'list'; readonly entries: readonly ManifestEntry[] };

/** @throws CliError `no such manifest: x`; EngineError when the registry cannot be reached */
export async function fetchRemote(
  reference: Reference,
  options: RemoteOptions,
  signal: AbortSignal,
): Promise<RemoteManifest> {
  const repository = openRepositories(reference, await openOptions(reference, options)).at(-1);
  if (repository === undefined) throw new Error('unreachable: there is always the registry itself');
  const fetched = await fetchOrSay(repository, reference, signal);
  const parsed = parseManifest(fetched.bytes, fetched.mediaType);
  if (parsed.kind === 'manifest') {
    return { kind: 'image', entry: await readEntry(repository, { reference, fetched, parsed }, signal) };
  }
  return { kind: 'list', entries: await readList(repository, { reference, index: parsed, fetched }, signal) };
}

async function fetchOrSay(repository: Repository, reference: Reference, signal: AbortSignal): Promise<FetchedManifest> {
  try {
    return await repository.fetchManifest(reference.digest ?? reference.tag ?? 'latest', signal);
  } catch (error) {
    if (!isEngineError(error, 'not-found')) throw error;
    throw new CliError(`no such manifest: ${formatReference(reference)}`, { cause: error });
  }
}

type Read = { readonly reference: Reference; readonly fetched: FetchedManifest; readonly parsed: Manifest };

async function readEntry(
  repository: Repository,
  { reference, fetched, parsed }: Read,
  signal: AbortSignal,
): Promise<ManifestEntry> {
  const config = await repository.fetchBlob(parsed.config, maximumConfigBytes, signal);
  const { bytes, digest } = fetched;
  return {
    ref: fullName(reference),
    mediaType: parsed.mediaType,
    digest,
    sizeBytes: bytes.length,
    platform: parseEntryPlatform(parseFields(new TextDecoder().decode(config), 'image config')),
    bytes,
  };
}

type ReadList = { readonly reference: Reference; readonly fetched: FetchedManifest; readonly index: Index };

/** The list's own word on a platform counts, and it says more than our nouns of it know. */
async function readList(
  repository: Repository,
  { reference, fetched, index }: ReadList,
  signal: AbortSignal,
): Promise<readonly ManifestEntry[]> {
  const wire = parseFields(new TextDecoder().decode(fetched.bytes), 'manifest list').objects('manifests');
  return await Promise.all(
    index.manifests.map(async ({ digest, mediaType, sizeBytes }: Descriptor, i) => {
      const { bytes } = await repository.fetchManifest(digest, signal);
      const platform = parseEntryPlatform(wire[i]?.object('platform') ?? parseFields('{}', 'platform'));
      return { ref: fullName({ ...reference, digest }), mediaType, digest, sizeBytes, platform, bytes };
    }),
  );
}
