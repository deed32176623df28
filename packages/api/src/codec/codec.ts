import { EngineError } from '@gantry/base';
import { isJsonObject, type Json, type JsonObject } from './json.ts';

/**
 * Both directions between a wire value and an exact value of ours.
 *
 * Docker's wire is Go's JSON: an absent member and `null` both mean "the zero value", so every codec knows its zero and
 * gives it for both. Nobody behind a codec ever sees `null` or a missing member.
 */
export type Codec<T> = {
  /** The value of an absent member. */
  readonly zero: T;
  /** Go's pointer: only its absence is empty, so a pointer to 0 is still printed where empty members are left out. */
  readonly isPointer?: true;
  /** @throws invalid, naming `at` (`HostConfig.Memory: expected a number, got "x"`) */
  parse(wire: Json | undefined, at: string): T;
  print(value: T): Json;
};

export type ValueOf<C> = C extends Codec<infer T> ? T : never;

/** The error of a wire value that is not what its place asks for. */
export function wrongWire(at: string, expected: string, wire: Json | undefined): EngineError {
  const shown = wire === undefined ? 'nothing' : brief(print(wire));
  return new EngineError('invalid', `${at === '' ? 'body' : at}: expected ${expected}, got ${shown}`);
}

/** A document may be deeper than the printer's stack. */
function print(wire: Json): string {
  try {
    return JSON.stringify(wire);
  } catch {
    return 'something too deep to print';
  }
}

function brief(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** Runs `parse` for a value that is there; Go's zero otherwise. */
export function codec<T>(zero: T, parse: (wire: Json, at: string) => T, print: (value: T) => Json): Codec<T> {
  return { zero, parse: (wire, at) => (wire === undefined || wire === null ? zero : parse(wire, at)), print };
}

export const text: Codec<string> = codec<string>(
  '',
  (wire, at) => {
    if (typeof wire !== 'string') throw wrongWire(at, 'a string', wire);
    return wire;
  },
  (value) => value,
);

export const int: Codec<number> = codec<number>(
  0,
  (wire, at) => {
    if (typeof wire !== 'number') throw wrongWire(at, 'a number', wire);
    if (!Number.isInteger(wire)) throw wrongWire(at, 'a whole number', wire);
    return wire;
  },
  (value) => value,
);

export const bool: Codec<boolean> = codec<boolean>(
  false,
  (wire, at) => {
    if (typeof wire !== 'boolean') throw wrongWire(at, 'true or false', wire);
    return wire;
  },
  (value) => value,
);

/** A value that may be absent: absent and `null` are `undefined`. */
export function optional<T>(inner: Codec<T>): Codec<T | undefined> {
  return {
    zero: undefined,
    isPointer: true,
    parse: (wire, at) => (wire === undefined || wire === null ? undefined : inner.parse(wire, at)),
    print: (value) => (value === undefined ? null : inner.print(value)),
  };
}

export function array<T>(inner: Codec<T>): Codec<readonly T[]> {
  return codec<readonly T[]>(
    [],
    (wire, at) => {
      if (!Array.isArray(wire)) throw wrongWire(at, 'an array', wire);
      return wire.map((item: Json, index) => inner.parse(item, `${at}[${index}]`));
    },
    (value) => value.map((item) => inner.print(item)),
  );
}

export function record<T>(inner: Codec<T>): Codec<Readonly<Record<string, T>>> {
  return codec<Readonly<Record<string, T>>>(
    {},
    (wire, at) => {
      if (!isJsonObject(wire)) throw wrongWire(at, 'an object', wire);
      return fromEntries(
        Object.entries(wire).map(([key, item]) => [key, inner.parse(item, `${at}[${JSON.stringify(key)}]`)]),
      );
    },
    (value) => fromEntries(Object.entries(value).map(([key, item]) => [key, inner.print(item)])),
  );
}

// A member called __proto__ must be a member like any other, not a change of the object's own prototype.
function fromEntries<T>(entries: [string, T][]): Record<string, T> {
  return Object.fromEntries(entries);
}

/** Go's `map[string]struct{}`: the keys are all there is. */
export const keySet: Codec<readonly string[]> = codec<readonly string[]>(
  [],
  (wire, at) => {
    if (!isJsonObject(wire)) throw wrongWire(at, 'an object', wire);
    return Object.keys(wire);
  },
  (value) => fromEntries(value.map((key): [string, Json] => [key, {}])),
);

/** Go's StrSlice: a list of words, or one string that stands for a list of one. */
export const words: Codec<readonly string[]> = codec<readonly string[]>(
  [],
  (wire, at) => (typeof wire === 'string' ? [wire] : array(text).parse(wire, at)),
  (value) => [...value],
);

/** One of a closed set of texts; the first is what an absent member means. */
export function oneOf<const T extends string>(
  values: readonly [T, ...T[]],
  complain?: (got: string) => string,
): Codec<T> {
  return codec<T>(
    values[0],
    (wire, at) => {
      const found = values.find((value) => value === wire);
      if (found !== undefined) return found;
      if (complain !== undefined && typeof wire === 'string') throw new EngineError('invalid', complain(wire));
      throw wrongWire(at, values.map((value) => `"${value}"`).join(' or '), wire);
    },
    (value) => value,
  );
}

/** A codec of another shape, made of one that exists: `to` after parsing, `from` before printing. */
export function mapped<Inner, T>(
  inner: Codec<Inner>,
  to: (value: Inner, at: string) => T,
  from: (value: T) => Inner,
): Codec<T> {
  return {
    get zero() {
      return to(inner.zero, '');
    },
    parse: (wire, at) => to(inner.parse(wire, at), at),
    print: (value) => inner.print(from(value)),
  };
}

/** How a member is printed when it is empty (false, 0, "", nothing inside): as it is, left out, or as `null`. */
export type WhenEmpty = 'print' | 'omit' | 'null';

export type Field<T> = { readonly wireName: string; readonly codec: Codec<T>; readonly whenEmpty: WhenEmpty };

export function field<T>(wireName: string, inner: Codec<T>, whenEmpty: WhenEmpty = 'print'): Field<T> {
  return { wireName, codec: inner, whenEmpty };
}

export type Fields = { readonly [name: string]: Field<unknown> };
export type ObjectOf<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/**
 * A struct. Member names match as Go's do: exactly, else without regard to case; unknown members are ignored.
 *
 * What is looked up is built at the first use: a command that needs one codec does not pay for a hundred.
 */
export function object<const F extends Fields>(fields: F): Codec<ObjectOf<F>> {
  const layout = once(() => layoutOf(fields));
  const parse = (wire: Json, at: string): ObjectOf<F> => {
    if (!isJsonObject(wire)) throw wrongWire(at, 'an object', wire);
    const { zero, byName, byFold } = layout();
    const value: Record<string, unknown> = { ...zero };
    for (const [name, item] of Object.entries(wire)) {
      const key = byName.get(name) ?? byFold.get(name.toLowerCase());
      const member = key === undefined ? undefined : fields[key];
      if (key === undefined || member === undefined) continue;
      value[key] = member.codec.parse(item, at === '' ? member.wireName : `${at}.${member.wireName}`);
    }
    return value as ObjectOf<F>;
  };
  return {
    get zero() {
      return layout().zero as ObjectOf<F>;
    },
    parse: (wire, at) => (wire === undefined || wire === null ? (layout().zero as ObjectOf<F>) : parse(wire, at)),
    print: (value) => printMembers(layout().entries, value),
  };
}

function layoutOf(fields: Fields) {
  const entries = Object.entries(fields);
  return {
    entries,
    byName: new Map(entries.map(([key, { wireName }]) => [wireName, key])),
    byFold: new Map(entries.map(([key, { wireName }]) => [wireName.toLowerCase(), key])),
    zero: Object.fromEntries(entries.map(([key, member]) => [key, member.codec.zero])),
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function printMembers(
  entries: readonly [string, Field<unknown>][],
  value: Readonly<Record<string, unknown>>,
): JsonObject {
  const wire: Record<string, Json> = {};
  for (const [key, { wireName, codec: inner, whenEmpty }] of entries) {
    const printed = inner.print(value[key]);
    const isEmpty = inner.isPointer === true ? printed === null : isEmptyWire(printed);
    if (whenEmpty === 'print' || !isEmpty) wire[wireName] = printed;
    else if (whenEmpty === 'null') wire[wireName] = null;
  }
  return wire;
}

/** Go's idea of empty, which `omitempty` leaves out. A struct is never empty, but a map without keys is. */
export function isEmptyWire(wire: Json): boolean {
  if (wire === null || wire === '' || wire === 0 || wire === false) return true;
  if (Array.isArray(wire)) return wire.length === 0;
  return typeof wire === 'object' && Object.keys(wire).length === 0;
}

/** No body, or nothing that anyone reads. */
export const none: Codec<undefined> = { zero: undefined, parse: () => undefined, print: () => null };

/** A document that is passed on as it came: the daemon prints it, the client trusts the daemon. */
export function document<T>(): Codec<T> {
  return { zero: undefined as T, parse: (wire) => wire as T, print: (value) => value as Json };
}
