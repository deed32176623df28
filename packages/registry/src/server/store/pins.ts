import type { Digest } from '@gantry/oci';

/**
 * Keeps the collection from taking what somebody is about to link.
 *
 * Whoever promises or links a digest holds it from before looking whether the bytes are there until the link is written.
 * A collection that runs meanwhile leaves alone what is held, and what was held at any moment since it began: it may have
 * counted the links before that one was written.
 */
export class Pins {
  readonly #held = new Map<Digest, number>();
  readonly #heldSinceCollecting = new Set<Digest>();
  #collecting = false;

  /** `using _pin = pins.hold(digests)`. */
  hold(digests: readonly Digest[]): Disposable {
    for (const digest of digests) this.#held.set(digest, (this.#held.get(digest) ?? 0) + 1);
    return { [Symbol.dispose]: () => this.#release(digests) };
  }

  #release(digests: readonly Digest[]): void {
    for (const digest of digests) {
      const count = (this.#held.get(digest) ?? 1) - 1;
      if (count === 0) this.#held.delete(digest);
      else this.#held.set(digest, count);
      if (this.#collecting) this.#heldSinceCollecting.add(digest);
    }
  }

  /** `using _run = pins.beginCollecting()`; one at a time. */
  beginCollecting(): Disposable {
    if (this.#collecting) throw new Error('unreachable: two collections at once');
    this.#collecting = true;
    return {
      [Symbol.dispose]: () => {
        this.#collecting = false;
        this.#heldSinceCollecting.clear();
      },
    };
  }

  isPinned(digest: Digest): boolean {
    return this.#held.has(digest) || this.#heldSinceCollecting.has(digest);
  }
}
