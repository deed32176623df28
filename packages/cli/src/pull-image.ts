import { routes } from '@gantry/api';
import { familiarName, parseReference, withDefaultTag } from '@gantry/oci';
import type { Output } from './output.ts';
import { printProgress } from './progress.ts';
import type { Session } from './session.ts';

export type PullOptions = {
  readonly image: string;
  /** Every tag of the repository, rather than one. */
  readonly allTags?: boolean;
  readonly platform: string;
  /** Where progress goes; undefined: nowhere. */
  readonly output: Output | undefined;
};

/** Pulls one image and shows how it goes. @throws EngineReplyError, or CliError for a failure in the middle */
export async function pullImage(
  session: Session,
  { image, allTags = false, platform, output }: PullOptions,
): Promise<void> {
  const given = parseReference(image);
  const reference = allTags ? given : withDefaultTag(given);
  const tag = reference.digest ?? reference.tag ?? '';
  // Loaded when something is pulled: `run` seldom does, and need not pay for it.
  const { registryAuthHeader } = await import('./credentials/credentials.ts');
  const progress = await session.engine.lines(routes.imageCreate, {
    query: { fromImage: familiarName(reference), tag, platform },
    headers: await registryAuthHeader(image, session.environment),
  });
  await printProgress(progress, output);
}
