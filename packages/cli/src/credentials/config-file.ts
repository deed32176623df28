import { isJsonObject, type Json, type JsonObject, parseJson } from '@gantry/api';
import { CliError } from '../cli-error.ts';
import { disk } from '../disk.ts';

/** One entry of `auths`, as the file has it. */
export type StoredAuth = {
  readonly username: string;
  readonly password: string;
  readonly identityToken: string;
  readonly registryToken: string;
};

/** Docker's `config.json`, shared with the docker command line: what we do not know in it stays as it is. */
export type ConfigFile = {
  readonly path: string;
  readonly document: JsonObject;
};

/** Where the client's configuration lies. */
export function configDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  return environment.DOCKER_CONFIG || `${environment.HOME || '/root'}/.docker`;
}

/** Reads the configuration; a file that is not there is an empty one. @throws CliError with Docker's text */
export function readConfigFile(environment: Readonly<Record<string, string | undefined>>): ConfigFile {
  const path = `${configDirectory(environment)}/config.json`;
  if (!disk().existsSync(path)) return { path, document: {} };
  try {
    const text = disk().readFileSync(path, 'utf8');
    const wire = text.trim() === '' ? {} : parseJson(text);
    if (!isJsonObject(wire)) throw new Error('it must hold one JSON object');
    return { path, document: wire };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError(`Error loading config file: ${path}: ${why}`, { cause: error });
  }
}

/** Writes the whole file anew, for its owner alone, and under its name at once; a symbolic link stays one. */
export function writeConfigFile({ path, document }: ConfigFile): void {
  const fs = disk();
  fs.mkdirSync(path.slice(0, path.lastIndexOf('/')), { recursive: true, mode: 0o700 });
  const target = fs.existsSync(path) ? fs.realpathSync(path) : path;
  const draft = `${target}.${process.pid}`;
  try {
    fs.writeFileSync(draft, JSON.stringify(document, undefined, '\t'), { mode: 0o600, flag: 'wx' });
    fs.renameSync(draft, target);
  } catch (error) {
    fs.rmSync(draft, { force: true });
    throw error;
  }
}

/** The credential helper for a registry; undefined: the file itself. */
export function helperOf({ document }: ConfigFile, key: string): string | undefined {
  const helpers = document.credHelpers;
  const own = isJsonObject(helpers) ? textOf(helpers[key]) : '';
  return own || textOf(document.credsStore) || undefined;
}

/** An entry of `auths`; old files have it under a URL of the same host. */
export function findAuth({ document }: ConfigFile, key: string): StoredAuth | undefined {
  const auths = isJsonObject(document.auths) ? document.auths : {};
  const name = auths[key] === undefined ? Object.keys(auths).find((url) => hostOf(url) === key) : key;
  const entry = name === undefined ? undefined : auths[name];
  return isJsonObject(entry) ? parseAuth(entry) : undefined;
}

/** The file with an entry more, an empty one for `{}`, or without it. */
export function withAuth(
  file: ConfigFile,
  key: string,
  auth: StoredAuth | Record<string, never> | undefined,
): ConfigFile {
  const { [key]: _old, ...others } = isJsonObject(file.document.auths) ? file.document.auths : {};
  const auths = auth === undefined ? others : { ...others, [key]: formatAuth(auth) };
  return { ...file, document: { ...file.document, auths } };
}

function parseAuth(entry: JsonObject): StoredAuth {
  const [username = '', ...password] = Buffer.from(textOf(entry.auth), 'base64').toString('utf8').split(':');
  return {
    username: username || textOf(entry.username),
    password: password.join(':').replace(/\0+$/, '') || textOf(entry.password),
    identityToken: textOf(entry.identitytoken),
    registryToken: textOf(entry.registrytoken),
  };
}

function formatAuth({ username, password, identityToken = '' }: Partial<StoredAuth>): JsonObject {
  if (username === undefined) return {};
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  return { auth, ...(identityToken !== '' && { identitytoken: identityToken }) };
}

function hostOf(url: string): string {
  return url.replace(/^https?:\/\//, '').split('/', 1)[0] ?? '';
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
