import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { arch, cpus, release } from 'node:os';
import { join } from 'node:path';
import { startRegistry } from '../test/registry/registry-server.ts';
import { startLocalRegistry } from '../tools/local-registry.ts';
import { repositoryRoot } from '../tools/repository.ts';
import { type LayerFile, uploadImage } from '../tools/upload-image.ts';
import { bigImageLayers, changedImageLayers, hugeImageLayers, writeBigArchive } from './big-image.ts';
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
 * each engine loads, saves and pushes the image on one fresh ext4 loop disk, and pulls it on another, twice: the second
 * time after a file changed. All sides push to and pull from Debian's docker-registry, but ours re-pulls from ours; the
 * peers have a registry of their own, on the same storage, since they have a network of their own. `--alone` leaves the peers out, `--turns N` changes how often each side has its turn (3).
 */

const words = process.argv.slice(2);
const turnsAt = words.indexOf('--turns');
const turns = turnsAt === -1 ? 3 : Number(words[turnsAt + 1]);

type Cost = { readonly seconds: number; readonly peakMegabytes: number; readonly sentMegabytes: number };
/** What is measured of a side; what it cannot do is not there. */
type Figure = ImageVerb | 'push to ours' | 'pull of the huge one' | 're-pull by the next';
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
const ownHost = new URL(ours.url()).host;
for (const host of [registry.host, ownHost]) {
  await upload(host, 'bench/big:1', await bigImageLayers());
  await upload(host, 'bench/big:2', await changedImageLayers());
}
await upload(registry.host, 'bench/huge:1', await hugeImageLayers());

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

async function upload(host: string, name: string, layers: readonly LayerFile[]): Promise<void> {
  const [repository = '', tag = ''] = name.split(':');
  await uploadImage({ registry: host, repository, tag, layers, config: { Cmd: ['true'] } });
}

function sidesAmong(among: Peers): readonly ImageSide[] {
  return [dockerSide(among), podmanSide(among), skopeoSide(among), skopeoLayoutSide(among), containerdSide(among)];
}

async function takeTurn(side: ImageSide, host: string, turn: number): Promise<void> {
  const saved = join(work, 'saved.tar');
  // A registry that has the blobs would be sent nothing; in another repository nobody looks for them.
  const pushed = `${host}/bench/pushed-${side.name.replaceAll(/[^a-z]/g, '')}-${Date.now()}:1`;
  const asked = askedAt(host, { saved, pushed });
  const isOurs = side.name.startsWith('gantry');
  await side.within(asked, async ({ commands, daemons }) => {
    await measure({ side, figure: 'load', argv: commands.load, daemons });
    await measure({ side, figure: 'save', argv: commands.save, daemons });
    rmSync(saved, { force: true });
    if (commands.tag !== undefined) await spend(commands.tag, []);
    await measure({ side, figure: 'push', argv: commands.push, daemons });
  });
  await side.within(asked, async ({ commands, daemons }) => {
    await measure({ side, figure: 'pull', argv: commands.pull, daemons });
    if (!isOurs) await measure({ side, figure: 're-pull', argv: commands['re-pull'], daemons, sentBytes: sentToPeers });
  });
  if (!isOurs) return;
  const atOurs = askedAt(ownHost, { saved, pushed: `${ownHost}/bench/pushed-${turn}-${Date.now()}:1` });
  await side.within(atOurs, async ({ commands, daemons }) => {
    for (const argv of [commands.load, commands.tag]) if (argv !== undefined) await spend(argv, []);
    await measure({ side, figure: 'push to ours', argv: commands.push, daemons });
  });
  rmSync(join(ours.data, 'deltas'), { recursive: true });
  mkdirSync(join(ours.data, 'deltas'));
  for (const figure of ['re-pull', 're-pull by the next'] as const) {
    await side.within(atOurs, async ({ commands, daemons }) => {
      if (commands.pull !== undefined) await spend(commands.pull, []);
      await measure({ side, figure, argv: commands['re-pull'], daemons, sentBytes: sentByOurs });
    });
  }
  const huge = { ...asked, pulled: `${host}/bench/huge:1` };
  if (turn > 0) return;
  await side.within(huge, ({ commands, daemons }) =>
    measure({ side, figure: 'pull of the huge one', argv: commands.pull, daemons }),
  );
}

function askedAt(host: string, files: Pick<Asked, 'saved' | 'pushed'>): Asked {
  return { archive, image, pulled: `${host}/bench/big:1`, pulledAgain: `${host}/bench/big:2`, ...files };
}

async function sentByOurs(): Promise<number> {
  const figures = await (await fetch(`${ours.url()}/metrics`)).text();
  return Number(/^registry_sent_bytes_total (\d+)$/m.exec(figures)?.[1]);
}

/** All that travels in the peers' network: their registry's answers, for the most part. */
async function sentToPeers(): Promise<number> {
  return Number(/lo:\s+(\d+)/.exec((await peers?.run(['cat', '/proc/net/dev'])) ?? '')?.[1]);
}

type Measuring = {
  readonly side: ImageSide;
  readonly figure: Figure;
  readonly argv: readonly string[] | undefined;
  readonly daemons: ImageEngine['daemons'];
  /** What a registry has sent so far. */
  readonly sentBytes?: () => Promise<number>;
};

async function measure({ side, figure, argv, daemons, sentBytes = async () => 0 }: Measuring): Promise<void> {
  if (argv === undefined) return;
  const before = await sentBytes();
  const spent = await spend(argv, await daemons());
  const cost = { ...spent, sentMegabytes: ((await sentBytes()) - before) / 1e6 };
  const ofFigure = costs.get(figure) ?? new Map<string, Cost[]>();
  costs.set(figure, ofFigure.set(side.name, [...(ofFigure.get(side.name) ?? []), cost]));
  const shown = `${cost.seconds.toFixed(2)} s, at most ${cost.peakMegabytes.toFixed(0)} MB, sent ${cost.sentMegabytes.toFixed(3)} MB`;
  process.stderr.write(`${side.name}: ${figure}: ${shown}\n`);
}

/** Runs a command. Its memory is that of the daemons that work for it, or its own when there are none. */
async function spend(argv: readonly string[], daemons: readonly number[]): Promise<Omit<Cost, 'sentMegabytes'>> {
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
    // A tenth of the layer that changed.
    row('sent for a re-pull after one file of one layer changed', 're-pull', sentWithin(9.1)),
    row('that re-pull, by the first client', 're-pull', secondsWithin(4)),
    row('that re-pull, by the next one', 're-pull by the next', secondsWithin(2.5)),
  ];
}

type Measure = Pick<Row, 'unit' | 'budget'> & { readonly of: (cost: Cost) => number };

function secondsWithin(budget: number): Measure {
  return { unit: 's', budget, of: ({ seconds }) => seconds };
}

function memoryWithin(budget: number): Measure {
  return { unit: 'MB', budget, of: ({ peakMegabytes }) => peakMegabytes };
}

function sentWithin(budget: number): Measure {
  return { unit: 'MB', budget, of: ({ sentMegabytes }) => sentMegabytes };
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
