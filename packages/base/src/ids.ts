/** Length of a full object ID: 64 lower-case hexadecimal digits, as Docker's. */
export const idLength = 64;
/** Length of the ID that lists show. */
export const shortIdLength = 12;

/** Formats random bytes as an ID. The bytes come from the caller, so that pure code stays pure. */
export function formatId(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** The first twelve digits of an ID, without its `sha256:` prefix. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, shortIdLength);
}

/** Tells whether a text is a whole ID: exactly 64 lower-case hexadecimal digits. */
export function isFullId(text: string): boolean {
  return /^[a-f0-9]{64}$/.test(text);
}
