import { flagList, flagText } from '@gantry/base';
import { formatReference, parseReference, withDefaultTag } from '@gantry/oci';
import { CliError } from '../../cli-error.ts';
import { type Command, type Invocation, listFlag, textFlag } from '../../command.ts';
import type { EntryPlatform } from '../../manifests/entry.ts';
import { findEntry, saveEntry } from '../../manifests/manifest-store.ts';
import { fullName } from '../../manifests/remote.ts';

export const annotateCommand: Command = {
  usage: '[OPTIONS] MANIFEST_LIST MANIFEST',
  flags: [
    textFlag('arch', 'Set architecture'),
    textFlag('os', 'Set operating system'),
    listFlag('os-features', 'Set operating system feature', { type: 'strings' }),
    textFlag('os-version', 'Set operating system version'),
    textFlag('variant', 'Set architecture variant'),
  ],
  arity: { min: 2, max: 2 },
  words: 'image',
  run: annotate,
};

/** What Go compiles for, as far as Docker takes it in a list. */
const architectures: Readonly<Record<string, readonly string[]>> = {
  darwin: ['386', 'amd64', 'arm', 'arm64'],
  dragonfly: ['amd64'],
  freebsd: ['386', 'amd64', 'arm'],
  linux: ['386', 'amd64', 'arm', 'arm64', 'ppc64le', 'mips64', 'mips64le', 'riscv64', 's390x'],
  netbsd: ['386', 'amd64', 'arm'],
  openbsd: ['386', 'amd64', 'arm'],
  plan9: ['386', 'amd64'],
  solaris: ['amd64'],
  windows: ['386', 'amd64', 'arm', 'arm64'],
};

async function annotate({ session, flags, words }: Invocation): Promise<void> {
  const { environment } = session;
  const [target, member] = words.map((word) => withDefaultTag(parseReference(word)));
  if (target === undefined || member === undefined) throw new Error('unreachable: the arity says two');
  const list = fullName(target);
  const entry = findEntry(list, fullName(member), environment);
  if (entry === undefined)
    throw new CliError(`manifest for image ${formatReference(member)} does not exist in ${formatReference(target)}`);
  const text = (name: string): string => flagText(flags, name) ?? '';
  const features = flagList(flags, 'os-features').flatMap((value) => value.split(','));
  const { platform } = entry;
  const annotated: EntryPlatform = {
    architecture: text('arch') || platform.architecture,
    os: text('os') || platform.os,
    osVersion: text('os-version') || platform.osVersion,
    osFeatures: [...new Set([...platform.osFeatures, ...features])],
    variant: text('variant') || platform.variant,
  };
  if (architectures[annotated.os]?.includes(annotated.architecture) !== true) {
    const asked = `${text('os')}/${text('arch')}`;
    throw new CliError(`manifest entry for image has unsupported os/arch combination: ${asked}`);
  }
  saveEntry(list, { ...entry, platform: annotated }, environment);
}
