import { EngineError } from '@gantry/base';
import { type Digest, isForeignLayer, type Reference } from '@gantry/oci';
import {
  anonymous,
  type BlobAsked,
  type BlobElsewhere,
  type FoundDelta,
  openRepositories,
  type Repository,
  readElsewhere,
} from '@gantry/registry';
import type { ImageDeps } from './deps.ts';
import type { RegistryAuth } from './types.ts';

type LayerType = { readonly mediaType: string };
type ReadElsewhere = (blob: BlobElsewhere, signal: AbortSignal) => AsyncIterable<Uint8Array>;

/**
 * Everyone who may have an image, mirrors first and its registry last. Who failed once is not asked again in the same
 * pull, unless nobody else is left; what the last one says is what counts.
 */
export class Sources {
  readonly #repositories: readonly Repository[];
  readonly #elsewhere: ReadElsewhere;
  readonly #failed = new Set<Repository>();
  readonly #served = new Map<Digest, Set<Repository>>();

  /** @param elsewhere reads what all of them lack from the URLs that its manifest gives */
  constructor(repositories: readonly Repository[], elsewhere: ReadElsewhere) {
    this.#repositories = repositories;
    this.#elsewhere = elsewhere;
  }

  /** Asks one after another. `resolve` is for what a tag means, `pull` for bytes that a digest names. */
  async ask<T>(
    capability: 'resolve' | 'pull',
    question: (repository: Repository) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const able = this.#able(capability);
    for (const repository of able) {
      try {
        return await question(repository);
      } catch (error) {
        if (signal.aborted || repository === able.at(-1)) throw error;
        this.#failed.add(repository);
      }
    }
    throw nobody(capability);
  }

  /** Streams a blob from `offset` on; where one breaks off for good, the next goes on. As `Repository.readBlob`. */
  async *readBlob(blob: BlobElsewhere & LayerType, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const able = this.#able('pull');
    let { offset } = blob;
    for (const repository of able) {
      try {
        for await (const chunk of repository.readBlob({ ...blob, offset }, signal)) {
          this.#book(blob.digest, repository);
          offset += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        const isLast = repository === able.at(-1);
        if (signal.aborted || (isLast && !isForeignLayer(blob))) throw error;
        if (isLast) return yield* this.#elsewhere({ ...blob, offset }, signal);
        this.#failed.add(repository);
      }
    }
    throw nobody('pull');
  }

  /** Whether somebody can tell a layer as a difference from another. */
  get offersDeltas(): boolean {
    return this.#able('pull').some((repository) => repository.offersDeltas);
  }

  /** As `Repository.findDelta`, at the first who can. */
  async findDelta(blob: BlobAsked, bases: readonly Digest[], signal: AbortSignal): Promise<FoundDelta | undefined> {
    return await this.#able('pull')
      .find((repository) => repository.offersDeltas)
      ?.findDelta(blob, bases, signal);
  }

  /**
   * The bytes of a blob were not those that its digest names: whoever had a part in them is not asked again.
   *
   * @returns whether somebody else is left to ask
   */
  distrust(digest: Digest): boolean {
    const liars = this.#served.get(digest) ?? new Set();
    this.#served.delete(digest);
    for (const repository of liars) this.#failed.add(repository);
    return this.#repositories.some((repository) => repository.can('pull') && !this.#failed.has(repository));
  }

  #book(digest: Digest, repository: Repository): void {
    const known = this.#served.get(digest);
    if (known === undefined) this.#served.set(digest, new Set([repository]));
    else known.add(repository);
  }

  #able(capability: 'resolve' | 'pull'): readonly Repository[] {
    const able = this.#repositories.filter((repository) => repository.can(capability));
    const willing = able.filter((repository) => !this.#failed.has(repository));
    return willing.length === 0 ? able.slice(-1) : willing;
  }
}

function nobody(capability: string): EngineError {
  return new EngineError('denied', `cannot pull: hosts.toml lets nobody be asked to ${capability}`);
}

/** Everyone whom the operator lets be asked for a reference. */
export function openSources(
  { registries }: Pick<ImageDeps, 'registries'>,
  reference: Reference,
  auth: RegistryAuth | undefined,
): Sources {
  const repositories = openRepositories(reference, { credentials: auth ?? anonymous, registries });
  return new Sources(repositories, (blob, signal) => readElsewhere(blob, { registries, reference }, signal));
}
