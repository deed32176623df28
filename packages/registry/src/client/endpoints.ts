import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { EngineError, messageOf } from '@gantry/base';
import { defaultDomain } from '@gantry/oci';
import { type Certificates, hostDirectories, readPem } from './certificates.ts';
import { type Endpoint, endpointOf, everything, mirrorEndpoint, type Registries } from './endpoint.ts';
import { type HostEntry, parseHostsFile } from './hosts-file.ts';

/**
 * Finds everyone that serves a registry's images, in the order of asking: the hosts of its `hosts.toml`, the mirrors of
 * Docker Hub, and last the registry itself.
 *
 * @throws invalid for a configuration that cannot be read
 */
export function endpointsOf(domain: string, registries: Registries): readonly Endpoint[] {
  const mirrors = domain === defaultDomain ? registries.mirrors : [];
  const own = endpointOf(domain, registries);
  const path = hostsFilePath(domain, registries.configDirs);
  const file = path === undefined ? undefined : parseHostsFile(readText(path), { path, domain: own.host });
  const place = (entry: HostEntry): Endpoint => entryEndpoint(entry, { own, domain, path: path ?? '', registries });
  return [
    ...(file?.hosts ?? []).map(place),
    ...mirrors.map((mirror) => mirrorEndpoint(mirror, registries)),
    file === undefined ? own : serverEndpoint(place(file.server), own),
  ];
}

/** The registry's own file, or the one for all that have none. */
function hostsFilePath(domain: string, configDirs: readonly string[]): string | undefined {
  const directories = [domain, '_default'].flatMap((name) => hostDirectories(configDirs, name));
  return directories.map((directory) => join(directory, 'hosts.toml')).find((path) => existsSync(path));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new EngineError('invalid', `cannot read "${path}": ${messageOf(error)}`, { cause: error });
  }
}

/** A file that says nothing of the registry's certificates, or of its being insecure, changes nothing there. */
function serverEndpoint(server: Endpoint, own: Endpoint): Endpoint {
  if (!server.isOwn) return server;
  const { certificates = own.certificates } = server;
  const isPlain = server.skipVerify || server.scheme === 'http';
  return isPlain
    ? { ...server, certificates }
    : { ...server, certificates, scheme: own.scheme, skipVerify: own.skipVerify };
}

type Placing = {
  readonly own: Endpoint;
  readonly domain: string;
  readonly path: string;
  readonly registries: Registries;
};

function entryEndpoint(entry: HostEntry, { own, domain, path, registries }: Placing): Endpoint {
  const { url, headers, skipVerify } = entry;
  const isOwn = url.host === own.host;
  const root = url.pathname.replace(/\/$/, '');
  return {
    host: url.host,
    scheme: url.protocol === 'http:' ? 'http' : 'https',
    skipVerify,
    basePath: entry.overridesPath || root.endsWith('/v2') ? root : `${root}/v2`,
    headers,
    certificates: readEntryCertificates(entry, path) ?? endpointOf(url.host, registries).certificates,
    capabilities: entry.capabilities ?? everything,
    isOwn,
    namespace: isOwn ? undefined : domain,
    dialTimeoutMs: entry.dialTimeoutMs,
  };
}

function readEntryCertificates({ authorities, client }: HostEntry, path: string): Certificates | undefined {
  if (authorities.length === 0 && client === undefined) return undefined;
  const read = (file: string): string => readPem(resolve(dirname(path), file));
  return {
    authorities: authorities.map(read),
    client: client === undefined ? undefined : { certificate: read(client.certificate), key: read(client.key) },
  };
}
