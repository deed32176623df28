import { EngineError } from '@gantry/base';
import { cleanPath, decompress, GrowthLimit, type TarEntry, TarReader, type TarSink } from '@gantry/layer';
import type { ContentRoom, Ingest } from '../content/index.ts';

const maximumMembers = 100_000;
const maximumLinks = 10;

type Member = { readonly kind: 'file'; readonly ingest: Ingest } | { readonly kind: 'link'; readonly target: string };

/** A file that begins; its size is what its entry says. */
export type ArrivingFile = { readonly name: string; readonly sizeBytes: number; readonly ingest: Ingest };

/**
 * The members of an archive of images, each regular file in a file of its own: layers become blobs by a rename. Names
 * are looked up in a table, links too, and never touch the filesystem. Disposing drops what was not committed.
 */
export class ArchiveMembers implements TarSink, Disposable {
  readonly #content: ContentRoom;
  readonly #members = new Map<string, Member>();
  #open: Ingest | undefined;
  #onFile: (file: ArrivingFile) => void = () => undefined;

  constructor(content: ContentRoom) {
    this.#content = content;
  }

  /**
   * Reads a whole archive, compressed or not.
   *
   * @param onFile told of each file before its first byte
   * @throws invalid, unavailable
   */
  async read(
    archive: AsyncIterable<Uint8Array>,
    { onFile, signal }: { onFile: (file: ArrivingFile) => void; signal: AbortSignal },
  ): Promise<void> {
    this.#onFile = onFile;
    const reader = new TarReader(this);
    const growth = new GrowthLimit('archive');
    const { chunks } = await decompress(growth.counted(archive));
    for await (const chunk of chunks) {
      signal.throwIfAborted();
      growth.grow(chunk.length);
      reader.push(chunk);
    }
    reader.finish();
  }

  begin(entry: TarEntry): void {
    if (this.#members.size >= maximumMembers)
      throw new EngineError('invalid', `cannot load archive: more than ${maximumMembers} members`);
    const name = cleanPath(entry.path);
    if (entry.kind === 'file') {
      this.#drop(name);
      this.#open = this.#content.ingest();
      this.#members.set(name, { kind: 'file', ingest: this.#open });
      this.#onFile({ name, sizeBytes: entry.sizeBytes, ingest: this.#open });
    } else if (entry.kind === 'symlink' || entry.kind === 'hardlink') {
      const base = entry.kind === 'symlink' && !entry.linkPath.startsWith('/') ? name.replace(/[^/]*$/, '') : '';
      this.#drop(name);
      this.#members.set(name, { kind: 'link', target: cleanPath(base + entry.linkPath) });
    }
  }

  data(bytes: Uint8Array): void {
    this.#open?.write(bytes);
  }

  end(): void {
    this.#open?.complete();
    this.#open = undefined;
  }

  has(path: string): boolean {
    return this.#find(path) !== undefined;
  }

  /** @throws invalid when the archive has no such file */
  get(path: string): Ingest {
    const ingest = this.#find(path);
    if (ingest === undefined) throw new EngineError('invalid', `cannot load archive: it has no file "${path}"`);
    return ingest;
  }

  [Symbol.dispose](): void {
    for (const name of [...this.#members.keys()]) this.#drop(name);
  }

  #find(path: string): Ingest | undefined {
    let name = cleanPath(path);
    for (let hops = 0; hops < maximumLinks; hops++) {
      const member = this.#members.get(name);
      if (member?.kind !== 'link') return member?.ingest;
      name = member.target;
    }
    return undefined;
  }

  #drop(name: string): void {
    const member = this.#members.get(name);
    if (member?.kind === 'file') member.ingest[Symbol.dispose]();
    this.#members.delete(name);
  }
}
