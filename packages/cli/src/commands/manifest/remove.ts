import { parseReference, withDefaultTag } from '@gantry/oci';
import { anyNumber, type Command } from '../../command.ts';
import { forEachName } from '../../for-each-name.ts';
import { getList, removeList } from '../../manifests/manifest-store.ts';
import { fullName } from '../../manifests/remote.ts';

export const removeCommand: Command = {
  usage: 'MANIFEST_LIST [MANIFEST_LIST...]',
  flags: [],
  arity: { min: 1, max: anyNumber },
  words: 'image',
  run: ({ session, words }) =>
    forEachName(session, words, async (name) => {
      const list = fullName(withDefaultTag(parseReference(name)));
      getList(list, session.environment);
      removeList(list, session.environment);
      return undefined;
    }),
};
