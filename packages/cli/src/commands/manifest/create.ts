import { flagBool } from '@gantry/base';
import { formatReference, parseReference, withDefaultTag } from '@gantry/oci';
import { CliError } from '../../cli-error.ts';
import { anyNumber, boolFlag, type Command, type Invocation } from '../../command.ts';
import { findEntry, findList, saveEntry } from '../../manifests/manifest-store.ts';
import { fetchRemote, fullName } from '../../manifests/remote.ts';
import { insecureFlag } from './insecure-flag.ts';

export const createCommand: Command = {
  usage: 'MANIFEST_LIST MANIFEST [MANIFEST...]',
  flags: [boolFlag('amend', 'Amend an existing manifest list', { short: 'a' }), insecureFlag],
  arity: { min: 2, max: anyNumber },
  words: 'image',
  run: createList,
};

async function createList({ session, flags, words }: Invocation): Promise<void> {
  const { environment } = session;
  const [target = '', ...members] = words;
  const list = fullName(withDefaultTag(parseReference(target)));
  if (findList(list, environment) !== undefined && !flagBool(flags, 'amend'))
    throw new CliError('refusing to amend an existing manifest list with no --amend flag');
  const options = { environment, insecure: flagBool(flags, 'insecure') };
  for (const member of members) {
    const reference = withDefaultTag(parseReference(member));
    const known = findEntry(list, fullName(reference), environment);
    const remote =
      known === undefined
        ? await fetchRemote(reference, options, AbortSignal.timeout(60_000))
        : ({ kind: 'image', entry: known } as const);
    if (remote.kind === 'list') throw new CliError(`${formatReference(reference)} is a manifest list`);
    saveEntry(list, remote.entry, environment);
  }
  session.out.line(`Created manifest list ${list}`);
}
