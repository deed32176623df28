import { EngineError, messageOf, parseDuration } from '@gantry/base';
import { parse } from 'smol-toml';
import type { Capability } from './endpoint.ts';

/** One host of a `hosts.toml`, or its server. Paths are as written. */
export type HostEntry = {
  readonly url: URL;
  /** undefined: everything. */
  readonly capabilities: readonly Capability[] | undefined;
  readonly authorities: readonly string[];
  /** Certificate and key; one file may hold both. */
  readonly client: { readonly certificate: string; readonly key: string } | undefined;
  readonly skipVerify: boolean;
  readonly headers: Readonly<Record<string, string>>;
  /** The URL's path is the API's root, `/v2` is not added. */
  readonly overridesPath: boolean;
  /** How long connecting may take; undefined: as long as an answer. */
  readonly dialTimeoutMs: number | undefined;
};

/** What the operator says of one registry: who is asked first, and where it is itself. */
export type HostsFile = {
  /** In the order of the file. */
  readonly hosts: readonly HostEntry[];
  readonly server: HostEntry;
};

type Table = Readonly<Record<string, unknown>>;

const capabilityNames: readonly Capability[] = ['resolve', 'pull', 'push'];

/**
 * Parses a `hosts.toml`. Keys that are not known are left alone, as containerd does.
 *
 * Spec: containerd, docs/hosts.md.
 * @param domain the registry, when the file does not say where it is
 * @throws invalid naming the file
 */
export function parseHostsFile(text: string, { path, domain }: { path: string; domain: string }): HostsFile {
  try {
    const root: Table = parse(text);
    const hosts = Object.entries(tableOf(root, 'host')).map(([url, value]) => parseEntry(url, asTable(value, url)));
    return { hosts, server: parseEntry(textOf(root, 'server') || `https://${domain}`, root) };
  } catch (error) {
    throw new EngineError('invalid', `cannot read "${path}": ${messageOf(error).split('\n', 1)[0]}`, { cause: error });
  }
}

function parseEntry(text: string, table: Table): HostEntry {
  const whole = text.includes('://') ? text : `https://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '')
    throw new Error(`host "${text}" must be a URL such as https://mirror.example, without a password`);
  return {
    url,
    capabilities: parseCapabilities(table),
    authorities: textsOf(table, 'ca'),
    client: parseClient(table.client),
    skipVerify: table.skip_verify === true,
    headers: Object.fromEntries(
      Object.entries(tableOf(table, 'header')).map(([name, value]) => [
        name.toLowerCase(),
        listOf(value, name).join(', '),
      ]),
    ),
    overridesPath: table.override_path === true,
    dialTimeoutMs: parseTimeout(textOf(table, 'dial_timeout')),
  };
}

function parseCapabilities(table: Table): readonly Capability[] | undefined {
  if (table.capabilities === undefined) return undefined;
  return textsOf(table, 'capabilities').map((name) => {
    const known = capabilityNames.find((capability) => capability === name);
    if (known === undefined) throw new Error(`unknown capability "${name}"`);
    return known;
  });
}

function parseTimeout(text: string): number | undefined {
  if (text === '') return undefined;
  const ms = parseDuration(text);
  if (ms === undefined || ms <= 0) throw new Error(`"dial_timeout" must be a duration such as 1s, not "${text}"`);
  return ms;
}

/** A path, a list of paths, or a list of pairs; the first counts. */
function parseClient(value: unknown): HostEntry['client'] {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  if (first === undefined) return undefined;
  const [certificate = '', key = ''] = listOf(first, 'client');
  if (certificate === '') throw new Error('"client" names no certificate');
  return { certificate, key: key === '' ? certificate : key };
}

function textOf(table: Table, key: string): string {
  const value = table[key] ?? '';
  if (typeof value !== 'string') throw new Error(`"${key}" must be a string`);
  return value;
}

function textsOf(table: Table, key: string): readonly string[] {
  return table[key] === undefined ? [] : listOf(table[key], key);
}

function listOf(value: unknown, key: string): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((item) => {
    if (typeof item !== 'string') throw new Error(`"${key}" must be a string or a list of strings`);
    return item;
  });
}

function tableOf(table: Table, key: string): Table {
  return table[key] === undefined ? {} : asTable(table[key], key);
}

function asTable(value: unknown, key: string): Table {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`"${key}" must be a table`);
  return Object.fromEntries(Object.entries(value));
}
