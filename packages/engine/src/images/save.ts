import { closeSync, createReadStream, openSync } from 'node:fs';
import { EngineError, shortId } from '@gantry/base';
import { decompress, endOfArchive, formatFile, formatHeader, paddingAfter, plainEntry } from '@gantry/layer';
import {
  choosePlatform,
  type DiffId,
  formatPlatform,
  formatReference,
  type Platform,
  parseDigest,
  parseImageConfig,
  parseReference,
  repositoryOf,
} from '@gantry/oci';
import type { ImageDeps } from './deps.ts';
import { recordImageEvent } from './image-event.ts';
import { readAhead } from './read-ahead.ts';
import { findImage, isIdPrefix } from './resolve.ts';
import type { ImageRow } from './rows.ts';
import { isNameOnly, planSave, type SavedImage, type SavePlan } from './save-plan.ts';

export type SaveOptions = {
  readonly names: readonly string[];
  /** The images must be for it; undefined takes whatever they are for. */
  readonly platform: Platform | undefined;
  readonly signal: AbortSignal;
};

type Chosen = { readonly row: ImageRow; readonly tags: Set<string> };

/** Large reads, so that an archive of many gigabytes is few of them. */
const readBytes = 1024 * 1024;
/** So much is unpacked while earlier bytes are sent. */
const readAheadBytes = 8 * 2 ** 20;

/**
 * Writes images as one archive. The layers are the bytes that came, unpacked of their compression and nothing else, so
 * the image has the same ID wherever it is loaded.
 *
 * Everything is settled before the first byte: a name that is wrong is an error and not half an archive. The layers'
 * files are open from then on, so that an image that is removed meanwhile is written whole.
 *
 * @throws not-found with Docker's texts
 */
export function saveImages(deps: ImageDeps, { names, platform, signal }: SaveOptions): AsyncIterable<Uint8Array> {
  const chosen = chooseImages(deps, names);
  for (const { row } of chosen) checkPlatform(row, platform);
  const plan = planSave(chosen.map((one) => savedImage(deps, one)));
  for (const { row } of chosen) recordImageEvent(deps, 'save', { actor: row.id, name: row.id, image: row });
  return readAhead(writeArchive(deps, plan, signal), readAheadBytes);
}

/** A repository's name means all its tags, an ID no name at all; an image that is named twice is written once. */
function chooseImages(deps: ImageDeps, names: readonly string[]): Chosen[] {
  const byId = new Map<string, Chosen>();
  const choose = (row: ImageRow, tags: readonly string[]): void => {
    const chosen = byId.get(row.id) ?? { row, tags: new Set() };
    for (const tag of tags) chosen.tags.add(tag);
    byId.set(row.id, chosen);
  };
  for (const name of names) {
    const tags = tagsOf(deps, name);
    if (tags.length === 0) choose(imageNamed(deps, name), namedTag(deps, name));
    for (const { reference, id } of tags) {
      const row = deps.rows.find(id);
      if (row !== undefined) choose(row, [reference]);
    }
  }
  return [...byId.values()];
}

function tagsOf({ rows }: ImageDeps, name: string): { reference: string; id: string }[] {
  if (/^(sha256:)?[a-f0-9]{64}$/.test(name) || name.startsWith('sha256:')) return [];
  const asked = parseReference(name);
  if (!isNameOnly(asked)) return [];
  return rows
    .allReferences()
    .filter(({ reference }) => {
      const parsed = parseReference(reference);
      return parsed.digest === undefined && repositoryOf(parsed) === repositoryOf(asked);
    })
    .map(({ reference, image_id }) => ({ reference, id: image_id }))
    .sort((one, other) => (one.reference < other.reference ? -1 : 1));
}

/** Docker's text has the name as it was given here. */
function imageNamed(deps: ImageDeps, name: string): ImageRow {
  const row = findImage(deps, name);
  if (row === undefined) throw new EngineError('not-found', `No such image: ${name}`);
  return row;
}

function namedTag(deps: ImageDeps, name: string): string[] {
  if (isIdPrefix(imageNamed(deps, name).id, name)) return [];
  const reference = parseReference(name);
  return reference.digest === undefined ? [formatReference(reference)] : [];
}

function checkPlatform(row: ImageRow, wanted: Platform | undefined): void {
  if (wanted === undefined) return;
  const { os, architecture, variant } = parseImageConfig(row.config);
  if (choosePlatform([{ platform: { os, architecture, variant } }], wanted) !== undefined) return;
  throw new EngineError('not-found', `no suitable export target found for platform ${formatPlatform(wanted)}`);
}

function savedImage(deps: ImageDeps, { row, tags }: Chosen): SavedImage {
  deps.lastUse.mark(row.id, deps.now().getTime());
  const layers = parseImageConfig(row.config).diffIds.map((diffId) => {
    const sizeBytes = deps.tarSizes.find(diffId);
    if (sizeBytes === undefined || blobOf(deps, diffId) === undefined) throw notKept(row, diffId);
    return { diffId, sizeBytes };
  });
  return { id: parseDigest(row.id), configBytes: row.config, layers, tags: [...tags] };
}

function notKept(row: ImageRow, diffId: DiffId): EngineError {
  const text = `cannot save image ${shortId(row.id)}: the archive of its layer ${shortId(diffId)} is not kept here`;
  return new EngineError('unsupported', text, { hint: 'pull or load the image again, then save it' });
}

/** The file that holds a layer, compressed or not; the plain one if there are several. */
function blobOf({ rows, content }: ImageDeps, diffId: DiffId): string | undefined {
  const kept = rows.layerBlobs(diffId).flatMap(({ digest }) => content.find(digest) ?? []);
  return (content.find(parseDigest(diffId)) ?? kept[0])?.path;
}

async function* writeArchive(deps: ImageDeps, plan: SavePlan, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  using files = openFiles(deps, [...plan.layers.values()]);
  for (const path of ['blobs/', 'blobs/sha256/']) yield formatHeader(plainEntry({ kind: 'directory', path }));
  for (const hex of [...plan.blobs.keys(), ...plan.layers.keys()].sort()) {
    const path = `blobs/sha256/${hex}`;
    const document = plan.blobs.get(hex);
    const layer = plan.layers.get(hex);
    if (document !== undefined) yield formatFile(plainEntry({ kind: 'file', path }), document);
    else if (layer !== undefined) yield* writeLayer(files.of(layer.diffId), { path, ...layer }, signal);
  }
  for (const [path, bytes] of plan.files) yield formatFile(plainEntry({ kind: 'file', path }), bytes);
  yield endOfArchive;
}

function openFiles(
  deps: ImageDeps,
  layers: readonly { readonly diffId: DiffId }[],
): { of(diffId: DiffId): number } & Disposable {
  const fds = new Map<DiffId, number>();
  const close = (): void => {
    for (const fd of fds.values()) closeSync(fd);
  };
  try {
    for (const { diffId } of layers) {
      const path = blobOf(deps, diffId);
      if (path === undefined)
        throw new EngineError('not-found', `cannot save layer ${shortId(diffId)}: it was just removed`);
      fds.set(diffId, openSync(path, 'r'));
    }
  } catch (error) {
    close();
    throw error;
  }
  return { of: (diffId) => fds.get(diffId) ?? -1, [Symbol.dispose]: close };
}

type LayerFile = { readonly path: string; readonly diffId: DiffId; readonly sizeBytes: number };

async function* writeLayer(
  fd: number,
  { path, diffId, sizeBytes }: LayerFile,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  yield formatHeader(plainEntry({ kind: 'file', path, sizeBytes }));
  const { chunks } = await decompress(
    createReadStream('', { fd, start: 0, autoClose: false, highWaterMark: readBytes }),
  );
  let written = 0;
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    written += chunk.length;
    yield chunk;
  }
  if (written !== sizeBytes) throw new Error(`unreachable: layer ${diffId} has ${written} bytes, not ${sizeBytes}`);
  yield paddingAfter(sizeBytes);
}
