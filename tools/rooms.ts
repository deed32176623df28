import { dirname, join } from 'node:path/posix';
import { type ImportStatement, parseImports } from './import-statements.ts';
import type { TextFile } from './repository.ts';

/** A broken rule, with the place to mend. */
export type Finding = { readonly path: string; readonly line: number; readonly rule: string };

/**
 * Which package may import which. The order is the order of the house, lowest first: a package uses only packages above
 * it in this table. `daemon` wires the engine to the doors and `main` wires everything.
 */
export const packageGraph: Readonly<Record<string, readonly string[]>> = {
  base: [],
  oci: ['base'],
  api: ['base'],
  dockerfile: ['base'],
  native: ['base', 'oci'],
  runtime: ['base', 'oci', 'native'],
  layer: ['base', 'oci', 'native'],
  net: ['base', 'oci', 'native'],
  registry: ['base', 'oci', 'layer'],
  engine: ['base', 'oci', 'dockerfile', 'native', 'runtime', 'layer', 'net', 'registry'],
  daemon: ['base', 'oci', 'api', 'native', 'net', 'registry', 'engine'],
  cri: ['base', 'oci', 'engine'],
  cli: ['base', 'oci', 'api', 'layer', 'registry'],
  gui: ['base', 'api'],
  main: ['base', 'api', 'native', 'runtime', 'registry', 'daemon', 'cri', 'cli', 'gui'],
};

/** Packages of values and functions only: any JavaScript engine can run them. */
const purePackages = ['base', 'oci', 'api', 'dockerfile'];

/** The rooms of the engine, left to right: a room enters only rooms to its left. */
export const engineRooms: readonly string[] = [
  'db',
  'durability',
  'events',
  'jobs',
  'content',
  'snapshots',
  'images',
  'volumes',
  'network',
  'tasks',
  'logs',
  'containers',
  'builder',
  'gc',
];

/** Nouns that cross every room border, because they are plain types: they may be imported as types from anywhere. */
const sharedNouns = /^packages\/engine\/src\/(engine|[a-z]+\/types)\.ts$/;

const noNames = /(^|\/)(utils?|helpers?|common|managers?)\.[jt]s$/;

/** Modules that only one place imports: the CLI's terminal may not import `native`, and needs two ioctls. */
const ownedModules: Readonly<Record<string, readonly string[]>> = {
  'bun:ffi': ['packages/native/src/ffi/', 'packages/cli/src/terminal.ts'],
  'bun:sqlite': ['packages/engine/src/db/'],
  // ADR 0009
  'smol-toml': ['packages/registry/src/client/hosts-file.ts'],
};

/** Checks the import rules of the house over all TypeScript of `packages/`. */
export function checkRooms(files: readonly TextFile[]): Finding[] {
  const findings: Finding[] = [];
  for (const file of files) {
    if (noNames.test(file.path))
      findings.push({ path: file.path, line: 1, rule: 'the file name says nothing about what it holds' });
    const place = parsePlace(file.path);
    if (place === undefined) continue;
    for (const statement of parseImports(file.text)) {
      for (const rule of brokenRules(place, statement)) findings.push({ path: file.path, line: statement.line, rule });
    }
  }
  return findings;
}

type Place = {
  readonly path: string;
  readonly package: string;
  readonly room: string | undefined;
  readonly isTest: boolean;
};

function parsePlace(path: string): Place | undefined {
  const match = /^packages\/([a-z]+)\/(?:src\/(?:([a-z-]+)\/)?)?.*\.ts$/.exec(path);
  if (match?.[1] === undefined) return undefined;
  return {
    path,
    package: match[1],
    room: match[1] === 'engine' ? match[2] : undefined,
    isTest: path.endsWith('.test.ts'),
  };
}

function brokenRules(from: Place, statement: ImportStatement): string[] {
  const { specifier } = statement;
  if (specifier.startsWith('.')) return relativeRules(from, statement, join(dirname(from.path), specifier));
  if (specifier.startsWith('@gantry/')) return packageRules(from, specifier);
  return platformRules(from, specifier);
}

function relativeRules(from: Place, statement: ImportStatement, target: string): string[] {
  const to = parsePlace(target);
  if (!target.startsWith(`packages/${from.package}/`))
    return [`"${target}" is outside the package: import its package by name`];
  if (from.package !== 'engine' || to === undefined || from.room === to.room) return [];
  if (statement.typeOnly && sharedNouns.test(target)) return [];
  if (to.room === undefined)
    return [`a room imports nothing from the engine's own files but types of engine.ts, not "${target}"`];
  if (!/^packages\/engine\/src\/[a-z-]+\/index\.ts$/.test(target))
    return [`room ${to.room} is entered through its index.ts, not "${target}"`];
  // The engine's own files (open.ts, info.ts, index.ts) stand to the right of every room.
  if (from.room === undefined || from.isTest) return [];
  const [own, other] = [roomOrder(from.room), roomOrder(to.room)];
  if (own === -1) return [`"${from.room}" is not a room of the engine: add it to tools/rooms.ts in its place`];
  return other < own ? [] : [`room ${from.room} may use only rooms to its left, and ${to.room} is not`];
}

function roomOrder(room: string): number {
  return engineRooms.indexOf(room);
}

function packageRules(from: Place, specifier: string): string[] {
  const name = specifier.slice('@gantry/'.length);
  if (name.includes('/')) return [`a package is entered through its index: not "${specifier}"`];
  if (name === from.package) return ['a package does not import itself by name'];
  const allowed = packageGraph[from.package];
  if (allowed === undefined) return [`package "${from.package}" has no row in tools/rooms.ts`];
  return allowed.includes(name) ? [] : [`${from.package} may not import ${name}`];
}

function platformRules(from: Place, specifier: string): string[] {
  const owners = ownedModules[specifier];
  if (owners !== undefined && !owners.some((owner) => from.path.startsWith(owner))) {
    return [`only ${owners[0]} imports ${specifier}`];
  }
  const isPlatform = /^(node:|bun(:|$))/.test(specifier);
  if (isPlatform && purePackages.includes(from.package) && !from.isTest)
    return [`${from.package} is pure: it cannot import ${specifier}`];
  if (!isPlatform && owners === undefined) return [`third-party code "${specifier}" needs an ADR`];
  return [];
}
