import { type PathStatWire, routes } from '@gantry/api';
import { flagBool } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { boolFlag, type Command, type Invocation } from '../../command.ts';
import {
  absolutePath,
  type CopyEnd,
  type CopyTarget,
  linkedPath,
  parseCopyEnd,
  planCopy,
  rebaseName,
  splitEntry,
} from '../../copy/copy-paths.ts';
import { CopyProgress } from '../../copy/copy-progress.ts';
import { checkOutputPath, localSource, localTarget } from '../../copy/local-paths.ts';
import type { Session } from '../../session.ts';

export const copyCommand: Command = {
  usage: '[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tgantry cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH',
  long: [
    'Copy files/folders between a container and the local filesystem\n',
    "Use '-' as the source to read a tar archive from stdin",
    'and extract it to a directory destination in a container.',
    "Use '-' as the destination to stream a tar archive of a",
    'container source to stdout.',
  ].join('\n'),
  flags: [
    boolFlag('archive', 'Archive mode (copy all uid/gid information)', { short: 'a' }),
    boolFlag('follow-link', 'Always follow symbol link in SRC_PATH', { short: 'L' }),
    boolFlag('quiet', 'Say nothing while copying. That is so anyway where there is no terminal', { short: 'q' }),
  ],
  arity: { min: 2, max: 2 },
  words: 'file',
  run: copy,
};

type Copy = {
  readonly session: Session;
  readonly source: CopyEnd;
  readonly target: CopyEnd;
  readonly followLink: boolean;
  readonly copyUidGid: boolean;
  readonly quiet: boolean;
};

async function copy({ session, flags, words }: Invocation): Promise<void> {
  const [from = '', to = ''] = words;
  if (from === '') throw new CliError('source can not be empty');
  if (to === '') throw new CliError('destination can not be empty');
  const [source, target] = [parseCopyEnd(from), parseCopyEnd(to)];
  const copying: Copy = {
    ...{ session, source, target },
    followLink: flagBool(flags, 'follow-link'),
    copyUidGid: flagBool(flags, 'archive'),
    quiet: flagBool(flags, 'quiet'),
  };
  if (source.container !== '' && target.container !== '')
    throw new CliError('copying between containers is not supported');
  if (source.container !== '') return copyOut(copying);
  if (target.container !== '') return copyIn(copying);
  throw new CliError('must specify at least one container source');
}

async function copyOut({ session, source, target, followLink, quiet }: Copy): Promise<void> {
  const isStream = target.path === '-';
  const local = isStream ? '-' : absolutePath(target.path, process.cwd());
  if (!isStream) checkOutputPath(local);
  const asked = followLink ? await followed(session, source) : { path: source.path, rename: '' };
  const parts = { path: { id: source.container }, query: { path: asked.path } };
  const { reply, bytes } = await session.engine.bytes(routes.containerArchiveRead, parts);
  if (isStream) return await pipe(session, bytes);
  const stat = statOf(reply.head.headers.get(statHeader));
  const plan = planCopy({ path: asked.path, isDirectory: isDirectory(stat), rename: asked.rename }, localTarget(local));
  const progress = new CopyProgress(session.err, 'Copying from container - ', quiet);
  const { unpackInto } = await import('@gantry/layer');
  // The archive has the name that the engine gave it; a followed link keeps the name that was asked for.
  const name = splitEntry(asked.path).name;
  const becomes = plan.rename ?? (asked.rename === '' ? undefined : asked.rename);
  await counted(progress, local, () =>
    unpackInto(progress.count(bytes), {
      directory: plan.directory,
      rename: becomes === undefined ? undefined : { from: name, to: becomes },
      owner: { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 },
    }),
  );
}

/** The source where its link leads, and the name it keeps. */
async function followed(session: Session, { container, path }: CopyEnd): Promise<{ path: string; rename: string }> {
  const stat = await findStat(session, { container, path });
  if (stat === undefined || stat.linkTarget === '') return { path, rename: '' };
  return rebaseName(path, linkedPath(path, stat.linkTarget));
}

async function pipe({ out }: Session, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of bytes) {
    out.write(piece);
    await out.flush();
  }
}

async function copyIn({ session, source, target, followLink, copyUidGid, quiet }: Copy): Promise<void> {
  const isStream = source.path === '-';
  const local = isStream ? undefined : absolutePath(source.path, process.cwd());
  const end = await targetIn(session, target);
  const send = (path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> =>
    session.engine.upload(
      routes.containerArchiveWrite,
      { path: { id: target.container }, query: { path, noOverwriteDirNonDir: true, copyUidGid } },
      { type: 'application/x-tar', bytes },
    );
  if (local === undefined) {
    if (!end.isDirectory) throw new CliError(`destination "${target.container}:${target.path}" must be a directory`);
    return await send(end.path, Bun.stdin.stream());
  }
  const from = localSource(local, followLink);
  const plan = planCopy(from, end);
  const progress = new CopyProgress(session.err, 'Copying to container - ', quiet);
  const { packPath } = await import('@gantry/layer');
  await counted(progress, `${target.container}:${end.path}`, () =>
    send(plan.directory, progress.count(packPath(from.path, plan.rename ?? plan.from))),
  );
}

/** What a path in a container is to a copy; one that cannot be looked at may still be made. */
async function targetIn(session: Session, { container, path }: CopyEnd): Promise<CopyTarget> {
  const given = await findStat(session, { container, path });
  if (given === undefined) return { path, exists: false, isDirectory: false };
  if (given.linkTarget === '') return { path, exists: true, isDirectory: isDirectory(given) };
  const real = linkedPath(path, given.linkTarget);
  const stat = await findStat(session, { container, path: real });
  return { path: real, exists: stat !== undefined, isDirectory: stat !== undefined && isDirectory(stat) };
}

async function counted(progress: CopyProgress, target: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
    progress.end(target);
  } catch (error) {
    progress.abandon();
    throw error;
  }
}

const statHeader = 'x-docker-container-path-stat';

async function findStat(session: Session, { container, path }: CopyEnd): Promise<PathStatWire | undefined> {
  try {
    const parts = { path: { id: container }, query: { path } };
    const { reply } = await session.engine.bytes(routes.containerArchiveStat, parts);
    await reply.text();
    return statOf(reply.head.headers.get(statHeader));
  } catch (error) {
    // Whatever is wrong with it, the copy itself says so in the engine's words: an answer to HEAD has none.
    if (error instanceof CliError) return undefined;
    throw error;
  }
}

function statOf(header: string | undefined): PathStatWire {
  if (header === undefined) throw new CliError('the engine did not say what it copies');
  return JSON.parse(Buffer.from(header, 'base64').toString()) as PathStatWire;
}

/** Go's bit for a directory. */
function isDirectory({ mode }: PathStatWire): boolean {
  return mode >= 2 ** 31;
}
