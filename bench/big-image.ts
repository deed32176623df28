import { createHash } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { PassThrough, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { commandOutput } from '../test/harness/command.ts';
import { repositoryRoot } from '../tools/repository.ts';
import type { LayerFile } from '../tools/upload-image.ts';

/**
 * The image that the benches pull, load and save: three layers, 20,000 files, 717 MB unpacked, about 266 MB as gzip. It is the same
 * bytes on every machine, made by a seeded generator, and kept beside the build.
 */
const big: Size = { layers: 3, files: 20_000, unpackedBytes: 717e6, gzipLevel: 6 };
/** Four times as much in one layer, to see what grows with an image. */
const huge: Size = { layers: 1, files: 80_000, unpackedBytes: 4 * big.unpackedBytes, gzipLevel: 1 };

type Size = {
  readonly layers: number;
  readonly files: number;
  readonly unpackedBytes: number;
  readonly gzipLevel: number;
};

const poolBytes = 16 * 2 ** 20;
const blockBytes = 512;

/** A small pseudo-random generator (mulberry32): speed matters, quality does not. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Bytes that gzip to about 37 %, as the programs and texts of a usual image do: words, with noise between them. */
function makePool(random: () => number): Buffer {
  const pool = Buffer.alloc(poolBytes);
  const words = Array.from({ length: 500 }, () =>
    Buffer.from(Array.from({ length: 3 + random() * 8 }, () => 97 + random() * 26)),
  );
  for (let at = 0; at < poolBytes; ) {
    const word =
      random() < 0.08
        ? Buffer.from(Array.from({ length: 8 }, () => random() * 256))
        : words[Math.floor(random() * words.length)];
    at += word?.copy(pool, at) ?? 1;
    if (at < poolBytes) pool[at++] = 32;
  }
  return pool;
}

function tarHeader(name: string, sizeBytes: number, type: '0' | '5'): Buffer {
  const header = Buffer.alloc(blockBytes);
  header.write(name, 0, 100);
  header.write(type === '5' ? '0000755\0' : '0000644\0', 100);
  header.write('0000000\0'.repeat(2), 108);
  header.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write(type, 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

async function writeAll(stream: Writable, bytes: Buffer): Promise<void> {
  if (!stream.write(bytes)) await new Promise<void>((resolve) => stream.once('drain', resolve));
}

type LayerPlan = {
  readonly size: Size;
  readonly layer: number;
  /** A file that is another one than it would be. */
  readonly changedFile: number | undefined;
};

async function writeLayer(stream: Writable, { size, layer, changedFile }: LayerPlan): Promise<void> {
  const random = seededRandom(1000 + layer);
  const pool = makePool(random);
  const files = Math.floor(size.files / size.layers);
  const meanBytes = size.unpackedBytes / size.files;
  for (let file = 0; file < files; file++) {
    if (file % 100 === 0) await writeAll(stream, tarHeader(`layer${layer}/d${file / 100}/`, 0, '5'));
    const sizeBytes = Math.floor(meanBytes * (0.25 + 1.5 * random()));
    await writeAll(stream, tarHeader(`layer${layer}/d${Math.floor(file / 100)}/f${file}`, sizeBytes, '0'));
    const at = random();
    const from = Math.floor((file === changedFile ? 1 - at : at) * (poolBytes - sizeBytes));
    await writeAll(stream, pool.subarray(from, from + sizeBytes));
    await writeAll(stream, Buffer.alloc((blockBytes - (sizeBytes % blockBytes)) % blockBytes));
  }
  stream.end(Buffer.alloc(2 * blockBytes));
}

async function makeLayer(path: string, plan: LayerPlan): Promise<string> {
  const tar = new PassThrough({ highWaterMark: 2 ** 20 });
  const hash = createHash('sha256');
  tar.on('data', (chunk: Buffer) => hash.update(chunk));
  const written = pipeline(tar, createGzip({ level: plan.size.gzipLevel }), createWriteStream(path));
  await writeLayer(tar, plan);
  await written;
  return `sha256:${hash.digest('hex')}`;
}

export const bigImageLayers = (): Promise<LayerFile[]> => layersOf('bench-image', plansOf(big));
export const hugeImageLayers = (): Promise<LayerFile[]> => layersOf('bench-image-huge', plansOf(huge));

/** The big image again, after one file of its middle layer changed. */
export async function changedImageLayers(): Promise<LayerFile[]> {
  const [lowest, , topmost] = await bigImageLayers();
  const changed = await layersOf('bench-image-changed', [{ size: big, layer: 1, changedFile: 3000 }]);
  return [lowest, ...changed, topmost].filter((layer) => layer !== undefined);
}

function plansOf(size: Size): readonly LayerPlan[] {
  return Array.from({ length: size.layers }, (_, layer) => ({ size, layer, changedFile: undefined }));
}

/** Makes the layers, unless an earlier run left them. */
async function layersOf(name: string, plans: readonly LayerPlan[]): Promise<LayerFile[]> {
  const directory = join(repositoryRoot, 'dist', name);
  mkdirSync(directory, { recursive: true });
  const index = join(directory, 'layers.json');
  if (existsSync(index)) return JSON.parse(readFileSync(index, 'utf8'));
  const layers = await Promise.all(
    plans.map(async (plan) => {
      const path = join(directory, `layer${plan.layer}.tar.gz`);
      const diffId = await makeLayer(`${path}.tmp`, plan);
      renameSync(`${path}.tmp`, path);
      return { path, diffId };
    }),
  );
  writeFileSync(index, JSON.stringify(layers));
  return layers;
}

/** Writes the image as an archive of `docker save`, its layers not compressed, as a user has it in a file. */
export async function writeBigArchive(directory: string, reference: string): Promise<string> {
  const layers = await bigImageLayers();
  const image = join(directory, 'image');
  mkdirSync(image);
  const config = JSON.stringify({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Cmd: ['true'] },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  });
  const paths = layers.map((_, layer) => `layer${layer}.tar`);
  const manifest = [{ Config: 'config.json', RepoTags: [reference], Layers: paths }];
  writeFileSync(join(image, 'config.json'), config);
  writeFileSync(join(image, 'manifest.json'), JSON.stringify(manifest));
  for (const [layer, { path }] of layers.entries())
    await pipeline(createReadStream(path), createGunzip(), createWriteStream(join(image, `layer${layer}.tar`)));
  const archive = join(directory, 'image.tar');
  await commandOutput(['tar', '-C', image, '-cf', archive, ...paths, 'config.json', 'manifest.json']);
  rmSync(image, { recursive: true });
  return archive;
}
