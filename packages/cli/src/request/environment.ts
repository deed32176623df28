import { CliError } from '../cli-error.ts';
import { cutPair } from './csv.ts';

/** Reads a file that the command line names; the real one reads the disk. */
export type ReadFile = (path: string) => string;

export type EnvironmentSource = {
  readonly readFile: ReadFile;
  readonly environment: Readonly<Record<string, string | undefined>>;
};

/** Checks one `--env`. @throws Error in Docker's words */
export function checkEnv(text: string): void {
  if (cutPair(text)[0] === '') throw new Error(`invalid environment variable: ${text}`);
}

/** Checks one `--label`. @throws Error in Docker's words */
export function checkLabel(text: string): void {
  const name = cutPair(text)[0].trimStart();
  if (name === '') throw new Error(`invalid label '${text}': empty name`);
  if (/[ \t]/.test(name)) throw new Error(`label '${name}' contains whitespaces`);
}

/** The variables of the files, then those of the flags; a bare name takes the user's own value, if there is one. */
export function collectEnv(files: readonly string[], pairs: readonly string[], source: EnvironmentSource): string[] {
  const lookup = (name: string): string | undefined => source.environment[name];
  const own = pairs.map((pair) => {
    const [name, value] = cutPair(pair);
    const inherited = value === undefined ? lookup(name) : undefined;
    return inherited === undefined ? pair : `${name}=${inherited}`;
  });
  return [...files.flatMap((file) => parsePairFile(file, source.readFile, lookup)), ...own];
}

/** The labels of the files, then those of the flags. */
export function collectLabels(files: readonly string[], pairs: readonly string[], readFile: ReadFile): string[] {
  return [...files.flatMap((file) => parsePairFile(file, readFile, undefined)), ...pairs];
}

type Lookup = ((name: string) => string | undefined) | undefined;

/** A file of `NAME=value` lines; `#` starts a comment, blanks before a line do not count, blanks after it do. */
function parsePairFile(path: string, readFile: ReadFile, lookup: Lookup): string[] {
  const fail = (why: string): CliError => new CliError(`invalid env file (${path}): ${why}`);
  const lines = readFile(path)
    .replace(/^\ufeff/, '')
    .split('\n');
  return lines.flatMap((raw, at) => {
    if (raw.includes('\ufffd')) throw fail(`invalid utf8 bytes at line ${at + 1}`);
    const line = raw.replace(/\r$/, '').trimStart();
    if (line === '' || line.startsWith('#')) return [];
    const [name, value] = cutPair(line);
    if (name === '') throw fail(`no variable name on line '${line}'`);
    if (/[ \t]/.test(name)) throw fail(`variable '${name}' contains whitespaces`);
    if (value !== undefined) return [line];
    const inherited = lookup?.(name);
    return inherited === undefined ? [] : [`${name}=${inherited}`];
  });
}
