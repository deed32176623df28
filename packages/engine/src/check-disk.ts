import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '@gantry/base';
import type { ContainerDeps } from './containers/index.ts';
import type { ContentRoom } from './content/index.ts';
import type { Durability } from './durability/index.ts';
import type { ContainerRoom, DiskCheckRequest, DiskFinding, DiskReport } from './engine.ts';
import { wayBack } from './images/index.ts';
import type { LayerRoom } from './snapshots/index.ts';

export type DiskCheckDeps = Pick<ContainerDeps, 'store' | 'images' | 'volumes' | 'dataRoot' | 'background'> & {
  readonly durability: Pick<Durability, 'pending'>;
  readonly content: ContentRoom;
  readonly snapshots: LayerRoom;
  readonly containers: Pick<ContainerRoom, 'remove'>;
};

/** A finding with what mends it; `holdsData`: only when it was named, since it may be all that is left of somebody's data. */
type Found = Omit<DiskFinding, 'repaired'> & {
  readonly repair?: () => Promise<unknown>;
  readonly holdsData?: boolean;
};

/** All that lies directly in a data root. */
const ownEntries = new Set([
  ...['gantry.db', 'gantry.db-wal', 'gantry.db-shm', 'gantry.db-journal', 'lock', 'engine-id'],
  ...['ingest', 'blobs', 'layers', 'rootfs', 'containers', 'volumes', 'lost+found'],
]);

/**
 * Compares rows and disk, both ways: what a row says must be there as it says, and what is there must have a row. It may
 * run beside everything else: what is on its way in or out is known to its room and is no finding.
 *
 * @throws not-found for a name that is not among the findings
 */
export async function checkDisk(
  deps: DiskCheckDeps,
  { request, signal }: { request: DiskCheckRequest; signal: AbortSignal },
): Promise<DiskReport> {
  const { content, snapshots, images, store, volumes } = deps;
  const checked = {
    blobs: content.list().length,
    layers: snapshots.list().length,
    images: images.list().length,
    containers: store.list().length,
    volumes: volumes.list().length,
  };
  // A removal drops the row first and the directory soon after: it is a stray only when it is one both times.
  const strayBefore = new Set(strayContainers(deps));
  await deps.background.catchUp();
  const found = [
    ...(await damagedContent(deps, request.verify, signal)),
    ...containerFindings(deps),
    ...volumeFindings(deps),
    ...strayContainers(deps).flatMap((id) => (strayBefore.has(id) ? [strayContainer(deps, id)] : [])),
    ...strayFiles(deps),
  ];
  for (const name of request.names) refuseUnknown(name, found);
  const findings: DiskFinding[] = [];
  for (const one of found) findings.push(await settleFinding(one, request));
  return { unsynced: deps.durability.pending(), checked, findings };
}

function refuseUnknown(name: string, found: readonly Found[]): void {
  if (found.some((one) => one.holdsData === true && one.name === name)) return;
  throw new EngineError(
    'not-found',
    `cannot repair "${name}": no finding about a container's or a volume's data has it`,
    { hint: 'see the findings first: gantry system fsck' },
  );
}

async function settleFinding(found: Found, { repair, names }: DiskCheckRequest): Promise<DiskFinding> {
  const { repair: act, holdsData = false, ...finding } = found;
  const repaired = repair && act !== undefined && (!holdsData || names.includes(found.name));
  if (repaired) await act();
  return { ...finding, repaired };
}

/** Blobs and layers whose files are not what their rows say; images go with them, since they cannot be used any more. */
async function damagedContent(deps: DiskCheckDeps, reads: boolean, signal: AbortSignal): Promise<Found[]> {
  const { content, snapshots, images } = deps;
  const blobs = await content.damaged({ reads }, signal);
  const layers = await snapshots.damaged({ reads }, signal);
  const findingOf = (kind: 'blob' | 'layer', name: string): Pick<Found, 'kind' | 'name' | 'mend' | 'repair'> => {
    const lost = {
      layers: new Set(kind === 'layer' ? [name] : []),
      blobs: new Set(kind === 'blob' ? [name] : []),
    };
    const holder = runningOn(deps, lost.layers);
    if (holder !== undefined) return { kind, name, mend: `first stop container ${holder}, which runs on it` };
    const repair = async (): Promise<unknown> => {
      if (runningOn(deps, lost.layers) === undefined) return images.discard(lost);
      throw new EngineError('conflict', `cannot remove ${kind} "${name}": a container was started on it meanwhile`);
    };
    const steps = images.having(lost).map((image) => ` and image ${image.name} (${wayBack(image)})`);
    return { kind, name, mend: `gantry system fsck --repair removes it${steps.join('')}`, repair };
  };
  return [
    ...blobs.map(({ digest, path, problem }) => ({ ...findingOf('blob', digest), path, problem })),
    ...layers.map(({ chainId, path, problem }) => ({ ...findingOf('layer', chainId), path, problem })),
  ];
}

/** The name of a container that has one of these layers under its feet. */
function runningOn({ snapshots, store }: DiskCheckDeps, layers: ReadonlySet<string>): string | undefined {
  const holders = snapshots.standingOn(layers).flatMap((id) => store.find(id) ?? []);
  return holders.find(({ status }) => status.kind === 'running')?.name;
}

function containerFindings({ snapshots, store, dataRoot, containers }: DiskCheckDeps): Found[] {
  const stranded = snapshots.stranded().map(({ containerId, chainId }) => {
    const image = store.find(containerId)?.config.image ?? '';
    return {
      kind: 'container' as const,
      name: store.find(containerId)?.name ?? containerId,
      path: '',
      problem: `its root lacks the layer ${chainId}, so it cannot start`,
      mend: `pull or load its image again: ${image}`,
    };
  });
  const bare = new Set(snapshots.unmade());
  const emptied = store
    .list()
    .filter(({ id, status }) => bare.has(id) && (status.kind === 'exited' || status.kind === 'running'))
    .map(({ id, name }) => ({
      kind: 'container' as const,
      name,
      path: join(dataRoot, 'layers'),
      problem: 'what it wrote is not there any more',
      mend: `gantry system fsck --repair ${name} removes it; a start gives it an empty layer`,
      holdsData: true,
      repair: () => containers.remove(id, { force: false, volumes: false, link: false }),
    }));
  return [...stranded, ...emptied];
}

function volumeFindings({ volumes }: DiskCheckDeps): Found[] {
  const emptied = volumes.damaged().map(({ name, path }) => ({
    kind: 'volume' as const,
    name,
    path,
    problem: 'its directory is missing',
    mend: `gantry system fsck --repair ${name} removes it; the next start of the daemon would make it anew, empty`,
    holdsData: true,
    repair: () => volumes.remove(name, true),
  }));
  const strays = volumes.strays().map(({ name, path, isDoomed }) => ({
    kind: 'volume' as const,
    name,
    path,
    problem: isDoomed ? 'its removal did not come to its end' : 'no row knows this directory',
    mend: isDoomed
      ? 'gantry system fsck --repair removes it'
      : `save what you need: the next start of the daemon removes it, and gantry system fsck --repair ${name} does it now`,
    holdsData: !isDoomed,
    repair: () => volumes.removeStray(name),
  }));
  return [...emptied, ...strays];
}

function strayContainers({ store, dataRoot }: DiskCheckDeps): readonly string[] {
  return entriesOf(join(dataRoot, 'containers')).filter((id) => store.find(id) === undefined);
}

function strayContainer({ dataRoot }: DiskCheckDeps, id: string): Found {
  return {
    ...strayFile(join(dataRoot, 'containers', id)),
    kind: 'container',
    name: id,
    problem: 'no row knows its directory, which may have its log',
    mend: `gantry system fsck --repair ${id} removes it; so does the next start of the daemon`,
    holdsData: true,
  };
}

/** What no row owns: of images, and of nobody at all. */
function strayFiles({ content, snapshots, dataRoot }: DiskCheckDeps): Found[] {
  const layers = snapshots.strays().map(({ name, path, isContainers }): Found => {
    const stray = { ...strayFile(path), repair: () => snapshots.removeStray(name) };
    if (!isContainers) return stray;
    const problem = 'no row knows it, and a container wrote it';
    const mend = `gantry system fsck --repair ${name} removes it; so does the next start of the daemon`;
    return { ...stray, kind: 'container', name, problem, mend, holdsData: true };
  });
  const foreign = entriesOf(dataRoot)
    .filter((name) => !ownEntries.has(name))
    .map((name) => join(dataRoot, name));
  return [
    ...content.strays().map((path) => ({ ...strayFile(path), repair: async () => content.removeStray(path) })),
    ...layers,
    // Nothing of ours has such a name, so it is somebody else's, and he may want it.
    ...foreign.map(
      (path): Found => ({
        kind: 'file',
        name: path,
        path,
        problem: 'the engine has no such file',
        mend: 'look at it, and move it away',
      }),
    ),
  ];
}

function strayFile(path: string): Found {
  return {
    kind: 'file',
    name: path,
    path,
    problem: 'no row knows it',
    mend: 'gantry system fsck --repair removes it',
    repair: () => rm(path, { recursive: true, force: true }),
  };
}

function entriesOf(path: string): readonly string[] {
  return existsSync(path) ? readdirSync(path) : [];
}
