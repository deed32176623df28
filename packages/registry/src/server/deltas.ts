import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { writeDelta } from '@gantry/layer';
import type { Digest } from '@gantry/oci';
import { findContent, type StoredBlob, touchLink } from './store/blobs.ts';
import { listNames, moveInto, removeFile, removeFileNow, statFile, writeWhole } from './store/files.ts';
import { type DeltaBlobs, parseDeltaName } from './store/layout.ts';
import type { Store } from './store/store.ts';

/** A delta that is larger than this part of its blob saves too little for the work of both sides. */
const worthwhile = 1 / 2;
/** Who comes while so many wait is sent to the blob. */
const maximumWaiting = 8;
const unusedMs = 24 * 3600 * 1000;

export type DeltaDeps = {
  /** Counts for the metrics. */
  readonly count: (name: string, by: number) => void;
  readonly reportFault: (error: unknown) => void;
};

/** The deltas between blobs of this registry: made when asked for, one at a time, and kept as files until unused. */
export class Deltas {
  readonly #store: Store;
  readonly #deps: DeltaDeps;
  readonly #underWay = new Map<string, Promise<void>>();
  #last: Promise<void> = Promise.resolve();

  constructor(store: Store, deps: DeltaDeps) {
    this.#store = store;
    this.#deps = deps;
  }

  /** @returns undefined: none that helps, or too many are wanted just now */
  async get(blobs: DeltaBlobs): Promise<StoredBlob | undefined> {
    const path = this.#store.layout.delta(blobs);
    if (statFile(path) === undefined) {
      const making = this.#underWay.get(path) ?? this.#begin(path, blobs);
      await making;
    }
    const sizeBytes = statFile(path)?.size ?? 0;
    if (sizeBytes === 0) return undefined;
    touchLink(this.#store, path);
    return { path, sizeBytes };
  }

  /** Tells of bytes that went out in place of a blob. */
  countSent({ target, sentBytes }: { readonly target: Digest; readonly sentBytes: number }): void {
    const wholeBytes = findContent(this.#store, target)?.sizeBytes ?? sentBytes;
    this.#deps.count('registry_delta_sent_bytes_total', sentBytes);
    this.#deps.count('registry_delta_saved_bytes_total', Math.max(0, wholeBytes - sentBytes));
  }

  #begin(path: string, blobs: DeltaBlobs): Promise<void> | undefined {
    if (this.#underWay.size >= maximumWaiting) return undefined;
    // A fault costs this delta and no other one.
    const making = this.#last.then(() => this.#make(path, blobs)).catch(this.#deps.reportFault);
    this.#last = making.finally(() => this.#underWay.delete(path));
    this.#underWay.set(path, making);
    return making;
  }

  async #make(path: string, blobs: DeltaBlobs): Promise<void> {
    using _pin = this.#store.pins.hold([blobs.target, blobs.base]);
    const [base, target] = [findContent(this.#store, blobs.base), findContent(this.#store, blobs.target)];
    if (base === undefined || target === undefined) return;
    const output = join(this.#store.layout.temporary, randomUUID());
    await using undo = new AsyncDisposableStack();
    undo.defer(async () => void (await removeFile(output)));
    const maximumBytes = Math.floor(target.sizeBytes * worthwhile);
    const written = await writeDelta({ base: base.path, target: target.path, output, maximumBytes });
    // That there is none is kept too, as an empty file: nobody looks for it twice.
    if (written.kind === 'useless') return await writeWhole(this.#store.layout.temporary, path, '');
    await moveInto(output, path);
    this.#deps.count('registry_deltas_made_total', 1);
  }
}

/** Removes deltas that nobody asked for lately, and those of blobs that are gone. @returns the bytes gained */
export async function collectDeltas(store: Store): Promise<number> {
  let freedBytes = 0;
  for (const name of await listNames(store.layout.deltas)) {
    const path = join(store.layout.deltas, name);
    const [blobs, file] = [parseDeltaName(name), statFile(path)];
    if (file === undefined || (blobs !== undefined && isUsed(store, blobs, file.mtimeMs))) continue;
    if (removeFileNow(path)) freedBytes += file.size;
  }
  return freedBytes;
}

function isUsed(store: Store, { target, base }: DeltaBlobs, usedAtMs: number): boolean {
  if (store.now() - usedAtMs > unusedMs) return false;
  return [target, base].every((digest) => findContent(store, digest) !== undefined);
}
