import { EngineError } from '@gantry/base';

/**
 * Typed reading of a JSON document that someone else wrote. Absent and `null` read as the empty value, as Go's decoder
 * has it, since that is what wrote most of these documents; a value of another type is an error that names the field.
 */
export type Fields = {
  has(key: string): boolean;
  text(key: string): string;
  integer(key: string): number;
  flag(key: string): boolean;
  texts(key: string): readonly string[];
  /** undefined when absent; a bare string is a list of one, as Docker's oldest images have it. */
  optionalTexts(key: string): readonly string[] | undefined;
  textMap(key: string): Readonly<Record<string, string>>;
  /** The keys of a set written as `{ "80/tcp": {} }`. */
  keys(key: string): readonly string[];
  object(key: string): Fields | undefined;
  objects(key: string): readonly Fields[];
  /** RFC 3339; undefined when absent or Go's zero time. */
  time(key: string): Date | undefined;
};

const maximumEntries = 100_000;

/** Parses JSON text into typed fields. @throws invalid naming `what` */
export function parseFields(json: string, what: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new EngineError('invalid', `cannot read ${what}: it is not JSON`, { cause });
  }
  return fieldsOf(value, what);
}

/** The same over a value that is already parsed. @throws invalid when it is not an object */
export function fieldsOf(value: unknown, what: string): Fields {
  const record = asRecord(value, what);
  const get = (key: string): unknown => (Object.hasOwn(record, key) ? (record[key] ?? undefined) : undefined);
  const name = (key: string): string => `${what}: "${key}"`;
  const list = (key: string): readonly unknown[] => asList(get(key), name(key));
  const object = (key: string): Fields | undefined => {
    const child = get(key);
    return child === undefined ? undefined : fieldsOf(child, name(key));
  };
  const optionalTexts = (key: string): readonly string[] | undefined => {
    const child = get(key);
    if (child === undefined) return undefined;
    return typeof child === 'string' ? [child] : asList(child, name(key)).map((item) => asText(item, name(key)));
  };
  return {
    has: (key) => get(key) !== undefined,
    text: (key) => asText(get(key) ?? '', name(key)),
    integer: (key) => asInteger(get(key) ?? 0, name(key)),
    flag: (key) => get(key) === true,
    texts: (key) => list(key).map((item) => asText(item, name(key))),
    optionalTexts,
    textMap: (key) => {
      const entries = Object.entries(asRecord(get(key) ?? {}, name(key)));
      return Object.fromEntries(entries.map(([left, right]) => [asText(left, name(key)), asText(right, name(key))]));
    },
    keys: (key) => Object.keys(asRecord(get(key) ?? {}, name(key))).map((item) => asText(item, name(key))),
    object,
    objects: (key) => list(key).map((item) => fieldsOf(item, name(key))),
    time: (key) => parseTime(asText(get(key) ?? '', name(key)), name(key)),
  };
}

function wrong(what: string, expected: string): EngineError {
  return new EngineError('invalid', `cannot read ${what}: expected ${expected}`);
}

function asRecord(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(what, 'an object');
  const record = value as Readonly<Record<string, unknown>>;
  if (Object.keys(record).length > maximumEntries) throw wrong(what, `at most ${maximumEntries} entries`);
  return record;
}

function asList(value: unknown, what: string): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw wrong(what, 'a list');
  if (value.length > maximumEntries) throw wrong(what, `at most ${maximumEntries} entries`);
  return value;
}

/** SAFETY: these texts reach execve, mounts and host names, where a NUL would silently cut them. */
function asText(value: unknown, what: string): string {
  if (typeof value !== 'string') throw wrong(what, 'a string');
  if (value.includes('\0')) throw wrong(what, 'a string without NUL');
  return value;
}

function asInteger(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw wrong(what, 'a whole number');
  return value;
}

function parseTime(text: string, what: string): Date | undefined {
  if (text === '' || text.startsWith('0001-01-01T')) return undefined;
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw wrong(what, 'a time');
  return time;
}
