import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../../tools/bootstrap.ts';

/** What the kernel holds at one moment, each kind as a set of lines that a reader can compare. */
export type Snapshot = Readonly<Record<SnapshotKind, ReadonlySet<string>>>;
export type SnapshotKind = 'mounts' | 'links' | 'network namespaces' | 'firewall rules' | 'cgroups' | 'processes';

/** Reads what containers could leave behind on the host. */
export function takeSnapshot(): Snapshot {
  return {
    mounts: new Set(readLines('/proc/self/mountinfo').map((line) => line.split(' ')[4] ?? '')),
    links: new Set(readdirSync('/sys/class/net')),
    'network namespaces': listNetworkNamespaces(),
    'firewall rules': listFirewallRules(),
    cgroups: listCgroups('/sys/fs/cgroup'),
    processes: listProcesses(),
  };
}

/** Lines of `after` that were not there before, each with its kind in front; `about` keeps those that a test can have made. */
export function leaksSince(before: Snapshot, after: Snapshot, about: (line: string) => boolean = () => true): string[] {
  const kinds = Object.keys(before) as SnapshotKind[];
  return kinds.flatMap((kind) =>
    [...after[kind]].filter((line) => !before[kind].has(line) && about(line)).map((line) => `${kind}: ${line}`),
  );
}

/** The open files of a process, without the numbers: equal lists before and after mean that none was leaked. */
export function openFiles(pid: number): string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory)
    .map((fd) => readLink(join(directory, fd)))
    .filter((target) => target !== undefined)
    .map((target) => target.replace(/\[\d+\]$/, ''))
    .sort();
}

function readLines(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}

function listPids(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
}

/** By inode: a namespace lives while a process is in it or a mount pins it, and both can be seen from here. */
function listNetworkNamespaces(): Set<string> {
  const held = listPids().map((pid) => readLink(`/proc/${pid}/ns/net`));
  const pinned = readLines('/proc/self/mountinfo').map((line) => / (net:\[\d+\]) /.exec(line)?.[1]);
  return new Set([...held, ...pinned].filter((name) => name !== undefined));
}

function listFirewallRules(): Set<string> {
  const nft = findProgram('nft');
  if (nft === undefined) return new Set();
  const listing = spawnSync(nft, ['--stateless', '--numeric', 'list', 'ruleset'], { encoding: 'utf8' });
  // Each line gets its table, so that equal rules of two tables differ.
  let table = '';
  const lines = listing.stdout.split('\n').map((line) => {
    if (line.startsWith('table ')) table = line.replace(' {', '');
    return `${table}: ${line.trim()}`;
  });
  return new Set(lines.filter((line) => /\w/.test(line.split(': ')[1] ?? '')));
}

function listCgroups(directory: string): Set<string> {
  const found = new Set<string>();
  if (!existsSync(directory)) return found;
  for (const entry of readDirectories(directory)) {
    const path = join(directory, entry);
    found.add(path);
    for (const deeper of listCgroups(path)) found.add(deeper);
  }
  return found;
}

function readDirectories(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return []; // removed since it was listed
  }
}

/** By PID and command line; kernel threads have none and are left out. */
function listProcesses(): Set<string> {
  const found = new Set<string>();
  for (const pid of listPids()) {
    const commandLine = readCommandLine(pid);
    if (commandLine !== '') found.add(`${pid} ${commandLine}`);
  }
  return found;
}

function readCommandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return ''; // ended since it was listed
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // closed or ended since it was listed
  }
}
