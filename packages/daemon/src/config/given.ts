import { isJsonObject, type Json, type JsonObject, parseJson } from '@gantry/api';
import { EngineError, messageOf, type ParsedFlags } from '@gantry/base';
import { daemonOptions, type OptionRow, refusedKeys } from './options.ts';

/** What was asked for, by flag name, from the command line and the file together. */
export type GivenOptions = ReadonlyMap<string, readonly string[]>;

/** A value of the file in the words of its flag: `{"nofile": …}` is `nofile=soft:hard`, `{"max-size": "1m"}` is `max-size=1m`. */
function wordsOf(row: OptionRow, value: Json): readonly string[] {
  if (Array.isArray(value)) return value.map((item: Json) => String(item));
  if (isJsonObject(value) && row.kind === 'list')
    return Object.entries(value).map(([name, item]) => pairOf(name, item));
  const fits =
    row.kind === 'bool' ? typeof value === 'boolean' : typeof value === 'string' || typeof value === 'number';
  if (!fits) throw new EngineError('invalid', `the value of "${row.key}" cannot be ${JSON.stringify(value)}`);
  return [String(value)];
}

function pairOf(name: string, item: Json | undefined): string {
  if (!isJsonObject(item)) return `${name}=${String(item)}`;
  return `${name}=${String(item.Soft)}:${String(item.Hard)}`;
}

/**
 * Joins what the command line and the file say.
 *
 * @param file undefined: there is none
 * @throws invalid with Docker's texts for keys nobody knows and for options given in both places
 */
export function joinOptions(flags: ParsedFlags, file: { path: string; text: string } | undefined): GivenOptions {
  if (file === undefined) return flags.values;
  try {
    return new Map([...flags.values, ...fileOptions(flags, parseFile(file.text))]);
  } catch (error) {
    throw new EngineError(
      'invalid',
      `unable to configure the Docker daemon with file ${file.path}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

function parseFile(text: string): JsonObject {
  if (text.trim() === '') return {};
  const wire = parseJson(text);
  if (!isJsonObject(wire)) throw new EngineError('invalid', 'it must hold one JSON object');
  return wire;
}

function fileOptions(flags: ParsedFlags, file: JsonObject): readonly (readonly [string, readonly string[]])[] {
  const keys = Object.keys(file);
  const rowOf = (key: string): OptionRow | undefined => daemonOptions.find((row) => row.key === key);
  const unknown = keys.filter((key) => rowOf(key) === undefined && !refusedKeys.includes(key));
  if (unknown.length > 0) {
    throw new EngineError(
      'invalid',
      `the following directives don't match any configuration option: ${unknown.join(', ')}`,
    );
  }
  const refused = keys.find((key) => refusedKeys.includes(key));
  if (refused !== undefined) throw new EngineError('unsupported', `"${refused}" is not supported yet`);
  const rows = keys.flatMap((key) => {
    const row = rowOf(key);
    const value = file[key];
    return row === undefined || value === undefined ? [] : [{ row, words: wordsOf(row, value) }];
  });
  refuseTwice(flags, rows);
  return rows.map(({ row, words }) => [row.name, words] as const);
}

function refuseTwice(flags: ParsedFlags, rows: readonly { row: OptionRow; words: readonly string[] }[]): void {
  const twice = rows.flatMap(({ row, words }) => {
    const flag = flags.values.get(row.name);
    if (flag === undefined) return [];
    const shown = (values: readonly string[]): string =>
      row.kind === 'list' ? `[${values.join(' ')}]` : String(values.at(-1));
    return [`${row.key}: (from flag: ${shown(flag)}, from file: ${shown(words)})`];
  });
  if (twice.length > 0) {
    throw new EngineError(
      'invalid',
      `the following directives are specified both as a flag and in the configuration file: ${twice.join(', ')}`,
    );
  }
}

/** @throws unsupported, naming the option, for whatever this engine would not do */
export function refuseUnsupported(given: GivenOptions): void {
  for (const [name, values] of given) {
    const use = daemonOptions.find((row) => row.name === name)?.use;
    if (use?.kind === 'refused') throw new EngineError('unsupported', `cannot use --${name}: it is not supported yet`);
    const wrong = use?.kind === 'fixed' ? values.find((value) => !use.values.includes(value)) : undefined;
    if (wrong !== undefined && use?.kind === 'fixed') {
      const known = use.values.map((value) => `"${value}"`).join(' or ');
      throw new EngineError('unsupported', `cannot use --${name}=${wrong}: only ${known} is supported`);
    }
  }
}
