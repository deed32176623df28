import type { PathLike } from '@gantry/native';

/** Reads bytes up to the first NUL as a byte string. */
export function bytesToString(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const stop = bytes.indexOf(0, start);
  return rawToString(bytes, start, stop === -1 || stop > end ? end : stop);
}

/** Reads all bytes, NULs too, as a byte string. */
export function rawToString(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.toString('latin1', start, end);
}

export function stringToBytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

/** Turns a byte string into what a system call takes; plain ASCII, nearly all there is, passes as it is. */
export function pathOfBytes(text: string): PathLike {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return stringToBytes(text);
  return text;
}

/** Shows a byte string to people. */
export function textOfBytes(text: string): string {
  return new TextDecoder().decode(stringToBytes(text));
}

/** Turns a text into the byte string of its UTF-8. */
export function bytesOfText(text: string): string {
  return rawToString(new TextEncoder().encode(text));
}
