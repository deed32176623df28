import { EngineError } from '@gantry/base';

/** A JSON document. Integers beyond 2^53, such as an event's nanoseconds, are bigints when they are printed. */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [name: string]: Json | undefined };

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Prints one document on one line. Members that are undefined are left out; bigints become whole numbers. */
export function formatJson(value: Json): string {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return `[${value.map(formatJson).join(',')}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  if (!holdsBigint(value)) return JSON.stringify(value);
  const members = Object.entries(value).flatMap(([name, member]) =>
    member === undefined ? [] : [`${JSON.stringify(name)}:${formatJson(member)}`],
  );
  return `{${members.join(',')}}`;
}

/** The engine's own printer refuses bigints, so only documents that hold one take the slow way. */
function holdsBigint(value: Json | undefined): boolean {
  if (typeof value === 'bigint') return true;
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some(holdsBigint);
}

/**
 * Parses one JSON document.
 *
 * @throws invalid when the text is empty, cut off, malformed, or holds more than one document, in Docker's words
 */
export function parseJson(text: string): Json {
  if (text.trim() === '') throw new EngineError('invalid', 'invalid JSON: got EOF while reading request body');
  try {
    return parseDocument(text);
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^JSON Parse error: /, '') : String(error);
    throw new EngineError('invalid', `invalid JSON: ${isCutOff(text, why) ? 'unexpected EOF' : why}`);
  }
}

/** A document that ends too early is the one mistake that Docker's clients see often enough to know its text. */
function isCutOff(text: string, why: string): boolean {
  return /EOF|Unterminated/i.test(why) || (/Expected/.test(why) && !/[}\]]\s*$/.test(text));
}

function parseDocument(text: string): Json {
  return JSON.parse(text) as Json;
}
