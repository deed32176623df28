import { flagBool } from '@gantry/base';
import {
  isForeignLayer,
  parseManifest,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from '@gantry/oci';
import type { Destination } from '@gantry/registry';
import { CliError } from '../../cli-error.ts';
import { boolFlag, type Command, type Invocation } from '../../command.ts';
import { formatList, type ManifestEntry } from '../../manifests/entry.ts';
import { getList, removeList } from '../../manifests/manifest-store.ts';
import { fullName, openRemote } from '../../manifests/remote.ts';
import { insecureFlag } from './insecure-flag.ts';

export const pushCommand: Command = {
  usage: '[OPTIONS] MANIFEST_LIST',
  flags: [insecureFlag, boolFlag('purge', 'Remove the local manifest list after push', { short: 'p' })],
  arity: { min: 1, max: 1 },
  words: 'image',
  run: pushList,
};

async function pushList({ session, flags, words }: Invocation): Promise<void> {
  const { environment } = session;
  const target = withDefaultTag(parseReference(words[0] ?? ''));
  const list = fullName(target);
  const entries = getList(list, environment);
  const destination = await openRemote(target, { environment, insecure: flagBool(flags, 'insecure') });
  const signal = new AbortController().signal;
  for (const entry of entries) {
    checkEntry(entry, target);
    if (repositoryOf(parseReference(entry.ref)) === repositoryOf(target)) continue;
    const digest = await bringOver(destination, entry, signal);
    session.out.line(`Pushed ref ${repositoryOf(target)}@${entry.digest} with digest: ${digest}`);
  }
  const { bytes, mediaType } = formatList(entries);
  const digest = await destination.putManifest({ tagOrDigest: target.tag ?? 'latest', bytes, mediaType }, signal);
  if (flagBool(flags, 'purge')) removeList(list, environment);
  session.out.line(digest);
}

/** @throws CliError with Docker's texts */
function checkEntry({ ref, platform }: ManifestEntry, target: Reference): void {
  if (platform.architecture === '' || platform.os === '')
    throw new CliError(`manifest ${ref} must have an OS and Architecture to be pushed to a registry`);
  const { domain } = parseReference(ref);
  if (domain !== target.domain) {
    throw new CliError(
      `cannot use source images from a different registry than the target image: ${domain} != ${target.domain}`,
    );
  }
}

/** A list names only what its own repository has: blobs are mounted there, then the manifest is put under its digest. */
async function bringOver(destination: Destination, entry: ManifestEntry, signal: AbortSignal): Promise<string> {
  const manifest = parseManifest(entry.bytes, entry.mediaType);
  if (manifest.kind === 'index') throw new CliError(`${entry.ref} is a manifest list`);
  const { path } = parseReference(entry.ref);
  for (const blob of [manifest.config, ...manifest.layers]) {
    if (isForeignLayer(blob) || (await destination.hasBlob(blob.digest, signal))) continue;
    if (await destination.mountBlob(blob.digest, path, signal)) continue;
    throw new CliError(`cannot push ${entry.ref}: the registry does not take blob ${blob.digest} over from ${path}`, {
      hint: 'push the image to the repository of the list, and create the list from there',
    });
  }
  const { bytes, mediaType, digest } = entry;
  return await destination.putManifest({ tagOrDigest: digest, bytes, mediaType }, signal);
}
