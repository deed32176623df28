import { CliError } from '../cli-error.ts';

const defaultKeys = 'ctrl-p,ctrl-q';

/** Reads `--detach-keys`, letters and `ctrl-x` joined by commas, as the bytes a terminal sends. */
export function parseDetachKeys(text: string): readonly number[] {
  return (text === '' ? defaultKeys : text).split(',').map((key) => parseKey(key, text));
}

function parseKey(key: string, whole: string): number {
  if (key.length === 1) return key.charCodeAt(0);
  const letter = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
  if (letter === undefined) {
    throw new CliError(`invalid detach keys (${whole}): Unknown character: '${key}'`);
  }
  return letter.toUpperCase().charCodeAt(0) & 0x1f;
}

/** What came of some keys: the bytes to pass on, and whether the whole sequence was typed. */
export type Typed = { readonly bytes: Uint8Array; readonly isDetached: boolean };

/**
 * Watches what is typed for the keys that detach.
 *
 * Keys that may begin the sequence are held back until it is clear that they do not; then all of them are passed on.
 */
export class DetachWatcher {
  readonly #keys: readonly number[];
  #matched = 0;

  constructor(keys: readonly number[]) {
    this.#keys = keys;
  }

  feed(input: Uint8Array): Typed {
    const passed: number[] = [];
    for (const byte of input) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched++;
        if (this.#matched === this.#keys.length) return { bytes: Uint8Array.from(passed), isDetached: true };
        continue;
      }
      passed.push(...this.#keys.slice(0, this.#matched));
      this.#matched = byte === this.#keys[0] ? 1 : 0;
      if (this.#matched === 0) passed.push(byte);
    }
    return { bytes: Uint8Array.from(passed), isDetached: false };
  }
}
