import { flagBool } from '@gantry/base';
import { parseReference, withDefaultTag } from '@gantry/oci';
import { CliError } from '../../cli-error.ts';
import { boolFlag, type Command, type Invocation } from '../../command.ts';
import { formatDocument, formatEntry, formatList, type ManifestEntry } from '../../manifests/entry.ts';
import { findEntry, findList } from '../../manifests/manifest-store.ts';
import { fetchRemote, fullName } from '../../manifests/remote.ts';
import { insecureFlag } from './insecure-flag.ts';

export const inspectCommand: Command = {
  usage: '[OPTIONS] [MANIFEST_LIST] MANIFEST',
  flags: [insecureFlag, boolFlag('verbose', 'Show names, digests and platforms too', { short: 'v' })],
  arity: { min: 1, max: 2 },
  words: 'image',
  run: inspect,
};

/** A list under construction counts before what the registry has. */
async function inspect({ session, flags, words }: Invocation): Promise<void> {
  const { environment } = session;
  const isVerbose = flagBool(flags, 'verbose');
  const [name = '', list = ''] = [...words].reverse();
  const reference = withDefaultTag(parseReference(name));
  if (list !== '') {
    const listName = fullName(withDefaultTag(parseReference(list)));
    const entry = findEntry(listName, fullName(reference), environment);
    if (entry === undefined) throw new CliError(`No such manifest: ${fullName(reference)}`);
    return session.out.line(formatOne(entry, isVerbose));
  }
  const local = findList(fullName(reference), environment);
  if (local !== undefined) return session.out.line(formatMany(local, isVerbose));
  const options = { environment, insecure: flagBool(flags, 'insecure') };
  const remote = await fetchRemote(reference, options, AbortSignal.timeout(60_000));
  const isImage = remote.kind === 'image';
  session.out.line(isImage ? formatOne(remote.entry, isVerbose) : formatMany(remote.entries, isVerbose));
}

function formatOne(entry: ManifestEntry, isVerbose: boolean): string {
  return isVerbose ? JSON.stringify(formatEntry(entry), undefined, '\t') : formatDocument(entry.bytes);
}

function formatMany(entries: readonly ManifestEntry[], isVerbose: boolean): string {
  if (isVerbose) return JSON.stringify(entries.map(formatEntry), undefined, '\t');
  return new TextDecoder().decode(formatList(entries).bytes);
}
