import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError, messageOf } from '@gantry/base';

/** What proves a registry to us, and us to it; PEM texts. */
export type Certificates = {
  /** Authorities that are trusted for this host, besides the world's. */
  readonly authorities: readonly string[];
  readonly client: { readonly certificate: string; readonly key: string } | undefined;
};

/**
 * Reads a host's directory as Docker does: every `*.crt` is an authority, `x.cert` and `x.key` are the client's.
 *
 * @returns undefined when no directory has any
 * @throws invalid with Docker's texts when one of a pair is missing
 */
export function readCertificates(configDirs: readonly string[], host: string): Certificates | undefined {
  for (const directory of hostDirectories(configDirs, host)) {
    const names = readdirSync(directory).sort();
    const read = (name: string): string => readPem(join(directory, name));
    const authorities = names.filter((name) => name.endsWith('.crt')).map(read);
    const client = clientPair(directory, names);
    if (authorities.length > 0 || client !== undefined) {
      return {
        authorities,
        client: client === undefined ? undefined : { certificate: read(client.cert), key: read(client.key) },
      };
    }
  }
  return undefined;
}

/** The directories that exist for a host, in both spellings: `host:port`, and `host_port_` where a colon cannot be. */
export function hostDirectories(configDirs: readonly string[], host: string): readonly string[] {
  const spelled = host.replace(/:(\d+)$/, '_$1_');
  return configDirs
    .flatMap((directory) => [...new Set([host, spelled])].map((name) => join(directory, name)))
    .filter((path) => existsSync(path));
}

function clientPair(directory: string, names: readonly string[]): { cert: string; key: string } | undefined {
  const alone = (is: string, wants: string): EngineError =>
    new EngineError('invalid', `missing ${wants} for ${is} in ${directory}`, {
      hint: 'certificates of authorities must use the extension .crt',
    });
  const cert = names.find((name) => name.endsWith('.cert'));
  const lonelyKey = names.find((name) => name.endsWith('.key') && !names.includes(`${name.slice(0, -4)}.cert`));
  if (lonelyKey !== undefined) throw alone(`key ${lonelyKey}`, `client certificate ${lonelyKey.slice(0, -4)}.cert`);
  if (cert === undefined) return undefined;
  const key = `${cert.slice(0, -5)}.key`;
  if (!names.includes(key)) throw alone(`client certificate ${cert}`, `key ${key}`);
  return { cert, key };
}

/** @throws invalid */
export function readPem(path: string): string {
  try {
    const text = readFileSync(path, 'utf8');
    if (!text.includes('-----BEGIN ')) throw new Error('it holds no PEM block');
    return text;
  } catch (error) {
    throw new EngineError('invalid', `cannot use certificate "${path}": ${messageOf(error)}`, { cause: error });
  }
}
