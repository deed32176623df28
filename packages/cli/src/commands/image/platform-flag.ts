import { flagText, type ParsedFlags } from '@gantry/base';
import { parsePlatform } from '@gantry/oci';

/** A push, a save and a load take a platform as a document. What is left out of it is not asked for. */
export function platformDocument(text: string | undefined): string {
  if (text === undefined || text === '') return '';
  const { os, architecture, variant } = parsePlatform(text, {
    os: 'linux',
    architecture: hostArchitecture,
    variant: '',
  });
  return JSON.stringify({ architecture, os, ...(variant !== '' && { variant }) });
}

const hostArchitecture = process.arch === 'x64' ? 'amd64' : process.arch;

/** `--platform` as the list that a save and a load have of it: none or one. */
export function wirePlatforms(flags: ParsedFlags): readonly string[] {
  const document = platformDocument(flagText(flags, 'platform'));
  return document === '' ? [] : [document];
}
