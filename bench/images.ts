import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { arch, cpus, release } from 'node:os';
import { join } from 'node:path';
import { startRegistry } from '../test/registry/registry-server.ts';
import { startLocalRegistry } from '../tools/local-registry.ts';
import { repositoryRoot } from '../tools/repository.ts';
import { uploadImage } from '../tools/upload-image.ts';
import { bigImageLayers, hugeImageLayers, writeBigArchive } from './big-image.ts';
import {
  type Asked,
  containerdSide,
  dockerSide,
  gantrySide,
  type ImageEngine,
  type ImageSide,
  type ImageVerb,
  podmanSide,
  skopeoLayoutSide,
  skopeoSide,
} from './image-engine.ts';
import { type Measured, median } from './measure.ts';
import { peakBytes, resetPeak } from './memory.ts';
import { openPeers, type Peers } from './peers.ts';
import type { Row } from './row.ts';
import { formatTable } from './table.ts';

/**
 * `bench/images`: what an engine does with a big image, ours beside docker, podman, skopeo and containerd. In each turn
 * each engine loads, saves and pushes the image on one fresh ext4 loop disk, and pulls it on another. All sides push to
 * and pull from Debian's docker-registry; the peers have one of their own, on the same storage, since they have a network
 * of their own. `--alone` leaves the peers out, `--turns N` changes how often each side has its turn (3).
 */

const words = process.argv.slice(2);
const turnsAt = words.indexOf('--turns');
const turns = turnsAt === -1 ? 3 : Number(words[turnsAt + 1]);

type Cost = { readonly seconds: number; readonly peakMegabytes: number };
/** What is measured of a side; what it cannot do is not there. */
type Figure = ImageVerb | 'push to ours' | 'pull of the huge one';
type Costs = Map<Figure, Map<string, Cost[]>>;

const image = 'bench/big:1';

await using undo = new AsyncDisposableStack();
const work = mkdtempSync('/dev/shm/gantry-bench-');
undo.defer(async () => rmSync(work, { recursive: true }));
const peers = words.includes('--alone') ? undefined : await openPeers();
if (peers !== undefined) await peers.run(['mkdir', '-p', peers.directory]);
const archive = await writeBigArchive(work, image);
const storage = peers === undefined ? join(work, 'registry') : join(peers.directory, 'registry');
const registry = undo.use(await startLocalRegistry(storage));
const ours = undo.use(await startRegistry({ parent: work, argv: ['--access-log=false'] }));
const theirs = peers && undo.use(await startLocalRegistry(storage, { enter: peers.enter }));
await upload('bench/big', await bigImageLayers());
await upload('bench/huge', await hugeImageLayers());

const costs: Costs = new Map();
for (let turn = 0; turn < turns; turn++) {
  for (const side of [gantrySide('gantry', work), gantrySide('docker', work)])
    await takeTurn(side, registry.host, turn);
  if (peers === undefined || theirs === undefined) continue;
  for (const side of sidesAmong(peers)) await takeTurn(side, theirs.host, turn);
}
const table = formatTable(rows().map((row) => ({ ...row, failure: undefined })));
process.stdout.write(table);
save(table);

async function upload(repository: string, layers: Awaited<ReturnType<typeof bigImageLayers>>): Promise<void> {
  await uploadImage({ registry: registry.host, repository, tag: '1', layers, config: { Cmd: ['true'] } });
}

function sidesAmong(among: Peers): readonly ImageSide[] {
  return [dockerSide(among), podmanSide(among), skopeoSide(among), skopeoLayoutSide(among), containerdSide(among)];
}

async function takeTurn(side: ImageSide, host: string, turn: number): Promise<void> {
  const saved = join(work, 'saved.tar');
  // A registry that has the blobs would be sent nothing; in another repository nobody looks for them.
  const pushed = `${host}/bench/pushed-${side.name.replaceAll(/[^a-z]/g, '')}-${Date.now()}:1`;
  const asked: Asked = { archive, image, saved, pushed, pulled: `${host}/bench/big:1` };
  const isOurs = side.name.startsWith('gantry');
  await side.within(asked, async ({ commands, daemons }) => {
    await measure({ side, figure: 'load', argv: commands.load, daemons });
    await measure({ side, figure: 'save', argv: commands.save, daemons });
    rmSync(saved, { force: true });
    if (commands.tag !== undefined) await spend(commands.tag, []);
    await measure({ side, figure: 'push', argv: commands.push, daemons });
  });
  await side.within(asked, ({ commands, daemons }) => measure({ side, figure: 'pull', argv: commands.pull, daemons }));
  if (!isOurs) return;
  const ownHost = new URL(ours.url()).host;
  const toOurs = { ...asked, pushed: `${ownHost}/bench/pushed-${turn}-${Date.now()}:1` };
  await side.within(toOurs, async ({ commands, daemons }) => {
    for (const argv of [commands.load, commands.tag]) if (argv !== undefined) await spend(argv, []);
    await measure({ side, figure: 'push to ours', argv: commands.push, daemons });
  });
  const huge = { ...asked, pulled: `${host}/bench/huge:1` };
  if (turn > 0) return;
  await side.within(huge, ({ commands, daemons }) =>
    measure({ side, figure: 'pull of the huge one', argv: commands.pull, daemons }),
  );
}

type Measuring = {
  readonly side: ImageSide;
  readonly figure: Figure;
  readonly argv: readonly string[] | undefined;
  readonly daemons: ImageEngine['daemons'];
};

async function measure({ side, figure, argv, daemons }: Measuring): Promise<void> {
  if (argv === undefined) return;
  const cost = await spend(argv, await daemons());
  const ofFigure = costs.get(figure) ?? new Map<string, Cost[]>();
  costs.set(figure, ofFigure.set(side.name, [...(ofFigure.get(side.name) ?? []), cost]));
  const shown = `${cost.seconds.toFixed(2)} s, at most ${cost.peakMegabytes.toFixed(0)} MB`;
  process.stderr.write(`${side.name}: ${figure}: ${shown}\n`);
}

/** Runs a command. Its memory is that of the daemons that work for it, or its own when there are none. */
async function spend(argv: readonly string[], daemons: readonly number[]): Promise<Cost> {
  for (const pid of daemons) resetPeak(pid);
  const startedAt = performance.now();
  const child = Bun.spawn([...argv], { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe', timeout: 300_000 });
  let ownBytes = 0;
  // What wait4 tells of a child begins with the memory of this process, which it was for a moment.
  const watch = setInterval(() => {
    ownBytes = Math.max(ownBytes, peakBytes([child.pid]));
  }, 20);
  const [said, exitCode] = await Promise.all([child.stderr.text(), child.exited]);
  clearInterval(watch);
  const seconds = (performance.now() - startedAt) / 1000;
  if (exitCode !== 0) throw new Error(`${argv.join(' ')}: exit code ${exitCode}: ${said}`);
  return { seconds, peakMegabytes: (daemons.length > 0 ? peakBytes(daemons) : ownBytes) / 1e6 };
}

type MeasuredRow = { readonly row: Omit<Row, 'run'>; readonly measured: readonly Measured[] };

function rows(): readonly MeasuredRow[] {
  return [
    row('load 717 MB, 20,000 files', 'load', secondsWithin(2.2)),
    row('save 717 MB', 'save', secondsWithin(1.5)),
    row('push 717 MB, packed on the way', 'push', secondsWithin(4)),
    row('push 717 MB to gantry registry serve', 'push to ours', secondsWithin(4)),
    row('pull 717 MB, 20,000 files', 'pull', secondsWithin(2.5)),
    row('memory of that pull', 'pull', memoryWithin(150)),
    row('memory of a pull of 2,900 MB in one layer', 'pull of the huge one', memoryWithin(150)),
  ];
}

type Measure = Pick<Row, 'unit' | 'budget'> & { readonly of: (cost: Cost) => number };

function secondsWithin(budget: number): Measure {
  return { unit: 's', budget, of: ({ seconds }) => seconds };
}

function memoryWithin(budget: number): Measure {
  return { unit: 'MB', budget, of: ({ peakMegabytes }) => peakMegabytes };
}

function row(name: string, figure: Figure, { unit, budget, of }: Measure): MeasuredRow {
  const measured = [...(costs.get(figure) ?? [])].map(([side, values]) => ({
    name: side,
    value: median(values.map(of)),
  }));
  return { row: { name, unit, budget, better: 'lower' }, measured };
}

function save(text: string): void {
  const day = new Date().toISOString().slice(0, 10);
  const machine = `${cpus().length} cores, ${arch()}, Linux ${release()}`;
  const legend = `Medians of ${turns} turns, in turns with the peers; a ratio above one means that ours is better.`;
  writeFileSync(
    join(repositoryRoot, `bench/results/${day}-images.md`),
    `# Images, ${day}, ${machine}\n\n${legend}\n\n${text}`,
  );
}
