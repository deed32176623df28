/**
 * A command line's flags, in the grammar of Go's pflag: `--x=y`, `--x y`, `-xvalue`, `-x=value`, clusters such as
 * `-it`, repeated values, `--flag=false`, and `--` as the end of flags.
 *
 * A flag is a row of data, so that help, completion and documentation are printed from the same table that parses.
 */
export type FlagSpec = {
  /** Long name, without dashes. */
  readonly name: string;
  /** One letter, or empty. */
  readonly short?: string;
  /** `bool` needs no value; `list` collects every occurrence; the others keep the last. */
  readonly kind: 'bool' | 'string' | 'list' | 'int';
  /** What the flag means when it stands without a value (pflag's NoOptDefVal); always `true` for `bool`. */
  readonly bareValue?: string;
};

export type FlagOptions = {
  /** False: the first word that is not a flag ends the flags, as `docker run` needs. Default true. */
  readonly interspersed?: boolean;
};

/** What was given, in words: every occurrence of a flag in order, so that "was it given?" has an answer. */
export type ParsedFlags = {
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** Words that are not flags. */
  readonly rest: readonly string[];
  /** Index in `rest` where `--` stood; undefined without one. */
  readonly dashAt: number | undefined;
};

/** A command line that breaks the grammar. The message is pflag's own text; the command's door adds its usage line. */
export class FlagError extends Error {
  override readonly name = 'FlagError';
}

/**
 * Parses words by a table of flags.
 *
 * @throws FlagError with pflag's texts: `unknown flag: --x`, `unknown shorthand flag: 'x' in -xyz`,
 *   `flag needs an argument: --x`, `invalid argument "x" for "-p, --port" flag: …`, `bad flag syntax: --=x`
 */
export function parseFlags(
  words: readonly string[],
  specs: readonly FlagSpec[],
  options: FlagOptions = {},
): ParsedFlags {
  const reader: Reader = { queue: [...words], specs, values: new Map() };
  const rest: string[] = [];
  for (let word = reader.queue.shift(); word !== undefined; word = reader.queue.shift()) {
    if (word === '--') {
      return { values: reader.values, rest: [...rest, ...reader.queue], dashAt: rest.length };
    }
    if (word.startsWith('--')) readLong(reader, word);
    else if (word.startsWith('-') && word !== '-') readShorts(reader, word);
    else if (options.interspersed === false)
      return { values: reader.values, rest: [...rest, word, ...reader.queue], dashAt: undefined };
    else rest.push(word);
  }
  return { values: reader.values, rest, dashAt: undefined };
}

type Reader = { readonly queue: string[]; readonly specs: readonly FlagSpec[]; readonly values: Map<string, string[]> };

function readLong(reader: Reader, word: string): void {
  const body = word.slice(2);
  if (body.startsWith('-') || body.startsWith('=')) throw new FlagError(`bad flag syntax: ${word}`);
  const equals = body.indexOf('=');
  const name = equals < 0 ? body : body.slice(0, equals);
  const spec = reader.specs.find((flag) => flag.name === name);
  if (spec === undefined) throw new FlagError(`unknown flag: --${name}`);
  const value = equals >= 0 ? body.slice(equals + 1) : (bareValue(spec) ?? reader.queue.shift());
  if (value === undefined) throw new FlagError(`flag needs an argument: --${name}`);
  take(reader, spec, value);
}

function readShorts(reader: Reader, word: string): void {
  let cluster = word.slice(1);
  while (cluster !== '') {
    const letter = cluster.charAt(0);
    const spec = reader.specs.find((flag) => flag.short === letter);
    if (spec === undefined) throw new FlagError(`unknown shorthand flag: '${letter}' in -${cluster}`);
    const tail = cluster.slice(1);
    const bare = tail.startsWith('=') ? undefined : bareValue(spec);
    const value = bare ?? (tail === '' ? reader.queue.shift() : tail.replace(/^=/, ''));
    if (value === undefined) throw new FlagError(`flag needs an argument: '${letter}' in -${cluster}`);
    take(reader, spec, value);
    cluster = bare === undefined ? '' : tail;
  }
}

function bareValue(spec: FlagSpec): string | undefined {
  return spec.kind === 'bool' ? 'true' : spec.bareValue;
}

const booleans: Readonly<Record<string, boolean>> = {
  '1': true,
  t: true,
  T: true,
  true: true,
  TRUE: true,
  True: true,
  '0': false,
  f: false,
  F: false,
  false: false,
  FALSE: false,
  False: false,
};

/** Reads a boolean as Go's strconv.ParseBool does; undefined when it is none. */
export function parseFlagBool(text: string): boolean | undefined {
  return Object.hasOwn(booleans, text) ? booleans[text] : undefined;
}

function take(reader: Reader, spec: FlagSpec, value: string): void {
  if (spec.kind === 'bool' && parseFlagBool(value) === undefined) {
    throw invalidFlagValue(spec, value, `strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
  if (spec.kind === 'int' && !/^[+-]?(0[xX][0-9a-fA-F]+|\d+)$/.test(value)) {
    throw invalidFlagValue(spec, value, `strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
  reader.values.set(spec.name, [...(reader.values.get(spec.name) ?? []), value]);
}

/** The error of a value that its flag does not understand, in pflag's words. */
export function invalidFlagValue(spec: FlagSpec, value: string, why: string): FlagError {
  const shown = spec.short === undefined || spec.short === '' ? `--${spec.name}` : `-${spec.short}, --${spec.name}`;
  return new FlagError(`invalid argument ${JSON.stringify(value)} for "${shown}" flag: ${why}`);
}

/** The last value of a flag, or undefined when it was not given. */
export function flagText(flags: ParsedFlags, name: string): string | undefined {
  return flags.values.get(name)?.at(-1);
}

/** Whether a `bool` flag is on. */
export function flagBool(flags: ParsedFlags, name: string): boolean {
  return parseFlagBool(flagText(flags, name) ?? 'false') ?? false;
}

/** Every value of a flag, in order. */
export function flagList(flags: ParsedFlags, name: string): readonly string[] {
  return flags.values.get(name) ?? [];
}

/** The last value of an `int` flag. */
export function flagInt(flags: ParsedFlags, name: string): number | undefined {
  const text = flagText(flags, name);
  return text === undefined ? undefined : Number(text);
}
