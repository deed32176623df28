import { EngineError } from '@gantry/base';
import { type Codec, codec } from './codec.ts';
import { isJsonObject, type Json, parseJson } from './json.ts';

/** Decoded `filters`: key → wanted values, all of one key or-ed, keys and-ed. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/** A parameter given more than once counts as its first value, as in Go's `Form.Get`. */
function texts(wire: Json): string {
  const first: unknown = Array.isArray(wire) ? wire[0] : wire;
  return typeof first === 'string' ? first : String(first);
}

export const queryText: Codec<string> = codec<string>(
  '',
  (wire) => texts(wire),
  (value) => value,
);

/** A parameter that may be repeated. */
export const queryList: Codec<readonly string[]> = codec<readonly string[]>(
  [],
  (wire) => (Array.isArray(wire) ? wire.map(String) : [texts(wire)]),
  (value) => [...value],
);

/** A switch in a query: anything but empty, `0`, `no`, `false` and `none` is on, as Docker reads it. */
export const querySwitch: Codec<boolean> = codec<boolean>(
  false,
  (wire) => !['', '0', 'no', 'false', 'none'].includes(texts(wire).trim().toLowerCase()),
  (value) => (value ? '1' : ''),
);

/** As `querySwitch`, for a switch that is on unless the client turns it off. */
export const querySwitchOn: Codec<boolean> = codec<boolean>(
  true,
  (wire) => querySwitch.parse(wire, ''),
  (value) => (value ? '1' : '0'),
);

/** A whole number in a query; absent and empty are `undefined`. */
export const queryInt: Codec<number | undefined> = codec<number | undefined>(
  undefined,
  (wire, at) => {
    const given = texts(wire);
    if (given === '') return undefined;
    if (/^[+-]?\d+$/.test(given)) return Number(given);
    throw new EngineError('invalid', `${at}: expected a whole number, got ${JSON.stringify(given)}`);
  },
  (value) => (value === undefined ? '' : String(value)),
);

/** One dimension of a terminal. Docker's text names it. */
export function queryDimension(name: 'height' | 'width'): Codec<number> {
  return codec<number>(
    0,
    (wire) => {
      const given = texts(wire);
      const value = Number(given);
      if (!/^\d+$/.test(given)) throw new EngineError('invalid', `invalid resize ${name} "${given}": invalid syntax`);
      if (value > 0xffff_ffff) {
        throw new EngineError('invalid', `invalid resize ${name} "${given}": value out of range`);
      }
      return value;
    },
    String,
  );
}

/** A moment as Docker's clients send it, `seconds[.fraction]` since 1970, in Unix nanoseconds; 0n is "no bound". */
export const queryMoment: Codec<bigint> = codec<bigint>(
  0n,
  (wire, at) => parseMoment(texts(wire), at),
  (value) => (value === 0n ? '' : formatMoment(value)),
);

function parseMoment(given: string, at: string): bigint {
  if (given === '') return 0n;
  const match = /^(-?\d+)(?:\.(\d{1,9})\d*)?$/.exec(given);
  if (match?.[1] === undefined) {
    const parsed = Date.parse(given);
    if (!Number.isNaN(parsed) && /^\d{4}-/.test(given)) return BigInt(parsed) * 1_000_000n;
    throw new EngineError('invalid', `${at}: expected Unix seconds or an RFC 3339 time, got ${JSON.stringify(given)}`);
  }
  return BigInt(match[1]) * 1_000_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
}

function formatMoment(nanos: bigint): string {
  return `${nanos / 1_000_000_000n}.${String(nanos % 1_000_000_000n).padStart(9, '0')}`;
}

/** `filters`: JSON of `{key: [value…]}`, or of the `{key: {value: true}}` that clients before 1.22 send. */
export const queryFilters: Codec<Filters> = codec<Filters>(
  new Map(),
  (wire) => parseFilters(texts(wire)),
  (value) => (value.size === 0 ? '' : JSON.stringify(Object.fromEntries(value))),
);

function parseFilters(given: string): Filters {
  if (given === '') return new Map();
  const invalid = new EngineError('invalid', 'invalid filter');
  let wire: Json;
  try {
    wire = parseJson(given);
  } catch {
    throw invalid; // whatever is wrong with the JSON, Docker says these two words
  }
  if (wire === null) return new Map();
  if (!isJsonObject(wire)) throw invalid;
  return new Map(Object.entries(wire).map(([key, values]) => [key, filterValues(values, invalid)]));
}

function filterValues(values: Json | undefined, invalid: EngineError): readonly string[] {
  if (Array.isArray(values) && values.every((value: Json) => typeof value === 'string')) return values.map(String);
  if (isJsonObject(values)) return Object.keys(values).filter((value) => values[value] === true);
  throw invalid;
}
