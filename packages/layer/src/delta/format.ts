import { EngineError } from '@gantry/base';

/**
 * A delta is the recipe of a tar: what to copy from a base, what to put in between. It begins with `deltaMagic`; then come
 * operations, each a byte and its numbers, until `end`. All of it is one zstd stream.
 *
 *     01 offset length         copy from the base
 *     02 length bytes…         put these
 *     00                       the end: whatever follows is none of it
 *
 * Numbers are little-endian groups of seven bits, the highest bit set on all but the last.
 */
export const deltaMagic: Uint8Array = new TextEncoder().encode('gantry-delta-1\n');

export const operations = { end: 0, copy: 1, put: 2 } as const;

/** More would not be exact. */
const maximumNumberBytes = 7;

export function formatNumbers(operation: number, numbers: readonly number[]): Uint8Array {
  const bytes = [operation];
  for (const number of numbers) {
    let rest = number;
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
    bytes.push(rest);
  }
  return Uint8Array.from(bytes);
}

/**
 * SAFETY: honest deltas copy little more than once what the base has; a hostile one may not fill the disk from a few
 * bytes. What is put is bounded by `GrowthLimit`.
 */
export function maximumCopied(baseBytes: number): number {
  return 4 * baseBytes + 64 * 2 ** 20;
}

export function badDelta(why: string): EngineError {
  return new EngineError('invalid', `cannot use delta: ${why}`);
}

/** Takes bytes from a stream in the pieces that a format needs. */
export class ByteCursor {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async #more(): Promise<void> {
    while (this.#at === this.#chunk.length) {
      const next = await this.#source.next();
      if (next.done === true) throw badDelta('it is cut short');
      this.#chunk = next.value;
      this.#at = 0;
    }
  }

  async byte(): Promise<number> {
    await this.#more();
    return this.#chunk[this.#at++] ?? 0;
  }

  /** Some of the next bytes, one at least. */
  async some(maximumBytes: number): Promise<Uint8Array> {
    await this.#more();
    const bytes = this.#chunk.subarray(this.#at, this.#at + maximumBytes);
    this.#at += bytes.length;
    return bytes;
  }

  async number(): Promise<number> {
    let value = 0;
    for (let at = 0; at < maximumNumberBytes; at++) {
      const byte = await this.byte();
      value += (byte % 128) * 128 ** at;
      if (byte < 128) return value;
    }
    throw badDelta('a number is too large');
  }

  /** Lets go of the source, wherever it stands. */
  async end(): Promise<void> {
    await this.#source.return?.();
  }
}
