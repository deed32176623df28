import { routes } from '@gantry/api';
import { flagBool, flagText, type ParsedFlags } from '@gantry/base';
import { formatReference, parseReference, withDefaultTag } from '@gantry/oci';
import { CliError, EngineReplyError } from '../../cli-error.ts';
import { disk, fileFailure } from '../../disk.ts';
import { pullImage } from '../../pull-image.ts';
import type { ContainerRequest } from '../../request/container-request.ts';
import type { Session } from '../../session.ts';

/**
 * Creates a container: pulls its image first when `--pull` or its absence asks for it, prints warnings, writes the
 * `--cidfile`.
 *
 * @returns the new container's ID
 */
export async function createContainer(session: Session, flags: ParsedFlags, body: ContainerRequest): Promise<string> {
  using idFile = openIdFile(body.hostConfig.containerIdFile);
  const create = { query: { name: flagText(flags, 'name') ?? '', platform: platformOf(session, flags) }, body };
  const pull = flagText(flags, 'pull') || 'missing';
  const image = parseImage(body.config.image);
  if (pull === 'always') await pullFor(session, flags, body.config.image);
  let created: { Id: string; Warnings: readonly string[] | null };
  try {
    created = await session.engine.call(routes.containerCreate, create);
  } catch (error) {
    const isMissing = error instanceof EngineReplyError && error.code === 'not-found';
    if (!isMissing || pull !== 'missing' || image === undefined) throw error;
    if (!flagBool(flags, 'quiet')) session.err.line(`Unable to find image '${image}' locally`);
    await pullFor(session, flags, body.config.image);
    created = await session.engine.call(routes.containerCreate, create);
  }
  for (const warning of created.Warnings ?? []) session.err.line(`WARNING: ${warning}`);
  idFile?.write(created.Id);
  return created.Id;
}

/** The familiar name of an image, or undefined when it is given by its ID. */
function parseImage(text: string): string | undefined {
  if (/^[a-f0-9]{64}$/.test(text)) return undefined;
  return formatReference(withDefaultTag(parseReference(text)));
}

export function platformOf(session: Session, flags: ParsedFlags): string {
  return flagText(flags, 'platform') ?? session.environment.DOCKER_DEFAULT_PLATFORM ?? '';
}

async function pullFor(session: Session, flags: ParsedFlags, image: string): Promise<void> {
  // Standard output belongs to the container and its ID.
  const output = flagBool(flags, 'quiet') ? undefined : session.err;
  await pullImage(session, { image, platform: platformOf(session, flags), output });
}

type IdFile = Disposable & { write(id: string): void };

/** Claims the `--cidfile` before anything is created; an unused one is removed again. */
function openIdFile(path: string): IdFile | undefined {
  if (path === '') return undefined;
  const fs = disk();
  if (fs.existsSync(path)) {
    throw new CliError(`container ID file found, make sure the other container isn't running or delete ${path}`);
  }
  let isWritten = false;
  let descriptor: number;
  try {
    descriptor = fs.openSync(path, 'wx', 0o644);
  } catch (error) {
    throw new CliError(`failed to create the container ID file: ${fileFailure('open', path, error)}`);
  }
  return {
    write: (id) => {
      fs.writeSync(descriptor, id);
      isWritten = true;
    },
    [Symbol.dispose]: () => {
      fs.closeSync(descriptor);
      if (!isWritten) fs.rmSync(path, { force: true });
    },
  };
}
