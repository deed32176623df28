import { EngineError } from '@gantry/base';
import type { AppliedLayer } from '@gantry/layer';
import { parseDigest } from '@gantry/oci';
import type { Ingest } from '../content/index.ts';
import type { Draft } from '../snapshots/types.ts';
import type { ArrivingFile } from './archive-members.ts';
import type { ImageDeps } from './deps.ts';

/** A smaller file is a document, or a layer that is unpacked in no time. */
const earlyBytes = 2 ** 20;

/** What became of a file that was unpacked on suspicion; the tree is dropped with all the others unless committed. */
export type EarlyLayer = {
  readonly draft: Draft;
  readonly applied: Promise<AppliedLayer>;
  onUnpacked: (storedBytes: number) => void;
  stop(reason: unknown): void;
};

/**
 * Unpacks the large files of an archive while they arrive, since those of an archive of images are layers: which ones
 * the images have is only known at the end, where docker save writes its list. A failure counts only if the file turns
 * out to be a layer.
 *
 * It takes places at the gate as other layers do, but never waits for one: what is not unpacked early is unpacked later.
 * Only one load at a time works ahead, so that a client that sends slowly keeps one thread waiting and not all of them.
 *
 * One life: `begin` for each file, `take` those that are layers; dispose stops the rest and waits for the threads.
 */
export class EarlyLayers implements AsyncDisposable {
  readonly #deps: ImageDeps;
  readonly #signal: AbortSignal;
  readonly #turn: Disposable | undefined;
  readonly #layers = new Map<Ingest, EarlyLayer>();
  readonly #ends: Promise<unknown>[] = [];
  readonly #drafts = new AsyncDisposableStack();
  readonly #over = new AbortController();

  constructor(deps: ImageDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
    this.#turn = deps.early.tryEnter();
  }

  begin({ name, sizeBytes, ingest }: ArrivingFile): void {
    if (this.#turn === undefined || sizeBytes < earlyBytes || this.#isKnown(name)) return;
    const place = this.#deps.gate.tryEnter();
    if (place === undefined) return;
    const layer = this.#unpack(ingest);
    // What it throws is for who takes it.
    this.#ends.push(layer.applied.catch(() => undefined).finally(() => place[Symbol.dispose]()));
    this.#layers.set(ingest, layer);
  }

  /** Its name says that its bytes are here already, and so is most likely its tree. */
  #isKnown(name: string): boolean {
    const hex = /^blobs\/sha256\/([a-f0-9]{64})$/.exec(name)?.[1];
    return hex !== undefined && this.#deps.content.find(parseDigest(`sha256:${hex}`)) !== undefined;
  }

  #unpack({ path: file, growth }: Ingest): EarlyLayer {
    const draft = this.#drafts.use(this.#deps.snapshots.draft());
    const stopping = new AbortController();
    const signal = AbortSignal.any([this.#signal, this.#over.signal, stopping.signal]);
    const applied = this.#deps.workers.unpack(
      { file, offset: 0, directory: draft.directory, hiding: draft.hiding, growth },
      (bytes) => layer.onUnpacked(bytes),
      signal,
    );
    const layer: EarlyLayer = { draft, applied, onUnpacked: () => undefined, stop: (why) => stopping.abort(why) };
    return layer;
  }

  /** The layer of a file, once: another layer with the same bytes needs a tree of its own. */
  take(ingest: Ingest): EarlyLayer | undefined {
    const layer = this.#layers.get(ingest);
    this.#layers.delete(ingest);
    return layer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort(new EngineError('cancelled', 'the file turned out to be no layer'));
    await Promise.all(this.#ends);
    await this.#drafts.disposeAsync();
    this.#turn?.[Symbol.dispose]();
  }
}
