import { isJsonObject, type JsonObject, type ProgressWire, routes } from '@gantry/api';
import { flagBool, flagText } from '@gantry/base';
import { familiarName, parseReference, repositoryOf, withDefaultTag } from '@gantry/oci';
import { CliError } from '../../cli-error.ts';
import { boolFlag, type Command, type Invocation, textFlag } from '../../command.ts';
import { registryAuthHeader } from '../../credentials/credentials.ts';
import { printProgress } from '../../progress.ts';
import { platformDocument } from './platform-flag.ts';

export const pushCommand: Command = {
  usage: '[OPTIONS] NAME[:TAG]',
  flags: [
    boolFlag('all-tags', 'Push every tag of the repository', { short: 'a' }),
    boolFlag('disable-content-trust', '', { hidden: true, deprecated: 'support for docker content trust was removed' }),
    textFlag('platform', 'Push only if the image is for this platform, "os[/arch[/variant]]" (e.g., "linux/amd64")'),
    boolFlag('quiet', 'Say nothing but the name', { short: 'q' }),
  ],
  arity: { min: 1, max: 1 },
  words: 'image',
  run: push,
};

async function push({ session, flags, words }: Invocation): Promise<void> {
  const given = parseReference(words[0] ?? '');
  const allTags = flagBool(flags, 'all-tags');
  const isQuiet = flagBool(flags, 'quiet');
  const isNameOnly = given.tag === undefined && given.digest === undefined;
  if (allTags && !isNameOnly) throw new CliError("tag can't be used with --all-tags/-a");
  if (given.digest !== undefined) throw new CliError('cannot push a digest reference');
  if (!allTags && isNameOnly && !isQuiet) session.out.line('Using default tag: latest');
  const { tag = '' } = allTags ? given : withDefaultTag(given);
  const name = familiarName(given);
  const headers = await registryAuthHeader(name, session.environment);
  const query = { tag, platform: platformDocument(flagText(flags, 'platform')) };
  const progress = await session.engine.lines(routes.imagePush, { path: { name }, query, headers });
  const notes: string[] = [];
  await printProgress(withNotes(progress, notes), isQuiet ? undefined : session.out);
  for (const note of notes) session.out.write(note);
  if (isQuiet) session.out.line(`${repositoryOf(given)}${tag === '' ? '' : `:${tag}`}`);
}

/** Passes messages on, and keeps what a push has to say about itself at its end. */
async function* withNotes(messages: AsyncIterable<ProgressWire>, notes: string[]): AsyncGenerator<ProgressWire> {
  for await (const message of messages) {
    const { aux } = message;
    if (aux !== undefined && isJsonObject(aux)) notes.push(...noteOf(aux));
    yield message;
  }
}

function noteOf({ manifestPushedInsteadOfIndex, originalIndex, selectedManifest }: JsonObject): readonly string[] {
  if (manifestPushedInsteadOfIndex !== true || !isJsonObject(originalIndex) || !isJsonObject(selectedManifest))
    return [];
  const text = 'Not all multiplatform-content is present and only the available single-platform image was pushed';
  return [`\n Info -> ${text}\n         ${originalIndex.digest} -> ${selectedManifest.digest}\n`];
}
