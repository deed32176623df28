import { Transform } from 'node:stream';
import { EngineError } from '@gantry/base';

/** Docker's default: ctrl-p, then ctrl-q. */
export const defaultDetachKeys = 'ctrl-p,ctrl-q';

const controlCodes: Readonly<Record<string, number>> = { '@': 0, '[': 27, '\\': 28, ']': 29, '^': 30, _: 31 };

/**
 * Parses a detach sequence: keys separated by commas, each one ASCII character or `ctrl-` and a letter or `@[\]^_`.
 *
 * @returns the bytes that must arrive one after another; empty for an empty text
 * @throws invalid
 */
export function parseDetachKeys(text: string): Uint8Array {
  if (text === '') return new Uint8Array();
  return Uint8Array.from(text.split(','), (key) => {
    const control = /^ctrl-(.)$/.exec(key)?.[1];
    const code = control === undefined ? plainCode(key) : (letterCode(control) ?? controlCodes[control]);
    if (code === undefined)
      throw new EngineError('invalid', `invalid detach keys (${text}): unknown character: '${key}'`);
    return code;
  });
}

function plainCode(key: string): number | undefined {
  return key.length === 1 && key.charCodeAt(0) < 128 ? key.charCodeAt(0) : undefined;
}

function letterCode(letter: string): number | undefined {
  return /[a-z]/.test(letter) ? letter.charCodeAt(0) - 96 : undefined;
}

/**
 * Passes a terminal's input on and watches for the detach sequence, which may come in pieces. Keys of a sequence that
 * breaks off are passed on; a whole one is swallowed, `onDetach` is called, and nothing later passes.
 */
export function detachFilter(keys: Uint8Array, onDetach: () => void): Transform {
  let matched = 0;
  let detached = false;
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      if (detached) return done();
      const out: number[] = [];
      for (const byte of chunk) {
        if (byte !== keys[matched]) {
          out.push(...keys.subarray(0, matched));
          matched = 0;
        }
        if (byte !== keys[matched]) out.push(byte);
        else if (++matched === keys.length) {
          detached = true;
          break;
        }
      }
      if (out.length > 0) this.push(Uint8Array.from(out));
      if (detached) onDetach();
      done();
    },
    flush(done) {
      if (!detached && matched > 0) this.push(keys.slice(0, matched));
      done();
    },
  });
}
