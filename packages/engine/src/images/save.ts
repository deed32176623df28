import { closeSync, createReadStream, openSync } from 'node:fs';
import { EngineError, shortId } from '@gantry/base';
import { decompress, endOfArchive, formatFile, formatHeader, paddingAfter, plainEntry } from '@gantry/layer';
import {
  type DiffId,
  formatPlatform,
  type Platform,
  parseDigest,
  parseImageConfig,
  parseReference,
  repositoryOf,
} from '@gantry/oci';
import type { ImageDeps } from './deps.ts';
import { recordImageEvent } from './image-event.ts';
import { chooseImage as chooseFor, familyOf, wrongPlatform } from './platforms.ts';
import { readAhead } from './read-ahead.ts';
import { findResolved } from './resolve.ts';
import type { ImageRow } from './rows.ts';
import { savedIndex } from './save-index.ts';
import { isNameOnly, planSave, type SavedFile, type SavedImage, type SavePlan } from './save-plan.ts';

export type SaveOptions = {
  readonly names: readonly string[];
  /** The images must be for it; undefined takes whatever they are for. */
  readonly platform: Platform | undefined;
  readonly signal: AbortSignal;
};

/** An image, or an index of which several images are here, with the names that it gets. */
type Chosen = { readonly row: ImageRow; readonly indexDigest: string | undefined; readonly tags: Set<string> };

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
  const chosen = chooseImages(deps, names, platform);
  const plan = planSave(chosen.map((one) => savedIndex(deps, one) ?? savedImage(deps, one)));
  for (const { row } of chosen) recordImageEvent(deps, 'save', { actor: row.id, name: row.id, image: row });
  return readAhead(writeArchive(deps, plan, signal), readAheadBytes);
}

/** A repository's name means all its tags, an ID no name at all; an image that is named twice is written once. */
function chooseImages(deps: ImageDeps, names: readonly string[], platform: Platform | undefined): Chosen[] {
  const chosen = new Map<string, Chosen>();
  for (const name of names) {
    const tags = tagsOf(deps, name);
    for (const reference of tags.length > 0 ? tags : [name]) {
      const { row, indexDigest, tag } = chooseImage(deps, reference, platform);
      const key = indexDigest ?? row.id;
      const one = chosen.get(key) ?? { row, indexDigest, tags: new Set() };
      if (tag !== undefined) one.tags.add(tag);
      chosen.set(key, one);
    }
  }
  return [...chosen.values()];
}

/** Docker's texts have the name as it was given here. */
function chooseImage(
  deps: ImageDeps,
  given: string,
  platform: Platform | undefined,
): Omit<Chosen, 'tags'> & { readonly tag: string | undefined } {
  const resolved = findResolved(deps.rows, given);
  if (resolved === undefined) throw new EngineError('not-found', `No such image: ${given}`);
  const { image, name } = resolved;
  const tag = name === undefined || name.includes('@') ? undefined : name;
  const indexDigest = name === undefined ? undefined : deps.rows.findReference(name)?.indexDigest;
  if (platform === undefined) return { row: image, indexDigest, tag };
  const family = familyOf(deps.rows, resolved);
  const row = chooseFor(family, platform);
  if (row !== undefined) return { row, indexDigest: undefined, tag };
  const lacking = wrongPlatform(given, family, platform);
  const why = family.length === 1 ? ` for platform ${formatPlatform(platform)}` : `: ${lacking.message}`;
  const text = `no suitable export target found${why}`;
  throw new EngineError('not-found', text, lacking.hint === undefined ? {} : { hint: lacking.hint });
}

/** The tags that a name without a tag means. */
function tagsOf({ rows }: ImageDeps, name: string): readonly string[] {
  if (/^(sha256:)?[a-f0-9]{64}$/.test(name)) return [];
  const asked = parseReference(name);
  if (!isNameOnly(asked)) return [];
  return rows
    .allReferences()
    .map(({ reference }) => reference)
    .filter((reference) => {
      const parsed = parseReference(reference);
      return parsed.digest === undefined && repositoryOf(parsed) === repositoryOf(asked);
    })
    .sort();
}

function savedImage(deps: ImageDeps, { row, tags }: Chosen): SavedImage {
  deps.lastUse.mark(row.id, deps.now().getTime());
  const layers = parseImageConfig(row.config).diffIds.map((diffId) => {
    const sizeBytes = deps.tarSizes.find(diffId);
    if (sizeBytes === undefined || blobOf(deps, diffId) === undefined) throw notKept(row, diffId);
    return { diffId, sizeBytes };
  });
  return { kind: 'image', id: parseDigest(row.id), configBytes: row.config, layers, tags: [...tags] };
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
  using files = openFiles(deps, plan.files);
  for (const path of ['blobs/', 'blobs/sha256/']) yield formatHeader(plainEntry({ kind: 'directory', path }));
  for (const hex of [...new Set([...plan.blobs.keys(), ...plan.files.keys()])].sort()) {
    const path = `blobs/sha256/${hex}`;
    const document = plan.blobs.get(hex);
    const file = plan.files.get(hex);
    if (document !== undefined) yield formatFile(plainEntry({ kind: 'file', path }), document);
    else if (file !== undefined) yield* writeFile(files.of(hex), { path, file }, signal);
  }
  for (const [path, bytes] of plan.root) yield formatFile(plainEntry({ kind: 'file', path }), bytes);
  yield endOfArchive;
}

function openFiles(deps: ImageDeps, files: SavePlan['files']): { of(hex: string): number } & Disposable {
  const fds = new Map<string, number>();
  const close = (): void => {
    for (const fd of fds.values()) closeSync(fd);
  };
  try {
    for (const [hex, file] of files) {
      const path = file.kind === 'layer' ? blobOf(deps, file.diffId) : deps.content.find(file.digest)?.path;
      if (path === undefined)
        throw new EngineError('not-found', `cannot save layer ${hex.slice(0, 12)}: it was just removed`);
      fds.set(hex, openSync(path, 'r'));
    }
  } catch (error) {
    close();
    throw error;
  }
  return { of: (hex) => fds.get(hex) ?? -1, [Symbol.dispose]: close };
}

async function* writeFile(
  fd: number,
  { path, file }: { readonly path: string; readonly file: SavedFile },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { sizeBytes } = file;
  yield formatHeader(plainEntry({ kind: 'file', path, sizeBytes }));
  const stored = createReadStream('', { fd, start: 0, autoClose: false, highWaterMark: readBytes });
  const chunks = file.kind === 'blob' ? stored : (await decompress(stored)).chunks;
  let written = 0;
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    written += chunk.length;
    yield chunk;
  }
  if (written !== sizeBytes) throw new Error(`unreachable: ${path} has ${written} bytes, not ${sizeBytes}`);
  yield paddingAfter(sizeBytes);
}
