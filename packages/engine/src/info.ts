import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, hostname, totalmem } from 'node:os';
import { join } from 'node:path';
import { formatId } from '@gantry/base';
import type { ContainerDeps } from './containers/index.ts';
import type { EngineInfo } from './engine.ts';

export type InfoDeps = Pick<
  ContainerDeps,
  'store' | 'images' | 'snapshots' | 'facts' | 'limits' | 'dataRoot' | 'now' | 'random'
>;

/** Docker's name for the registry that references without a host mean. */
const defaultRegistry = 'https://index.docker.io/v1/';

/**
 * Opens what `docker info` tells about an engine and its machine. What cannot change is read once; the rest only when it
 * is looked at, since most callers want a single fact.
 */
export function openInfo(deps: InfoDeps): () => EngineInfo {
  const { facts, limits, dataRoot } = deps;
  const release = readRelease();
  const fixed = {
    id: engineId(deps),
    storageDriver: deps.snapshots.driver.name,
    storageStatus: deps.snapshots.driver.status,
    cgroupVersion: limits.cgroupVersion,
    kernelVersion: facts.kernelRelease,
    operatingSystem: release.PRETTY_NAME ?? 'Linux',
    osVersion: release.VERSION_ID ?? '',
    architecture: arch() === 'x64' ? 'x86_64' : arch() === 'arm64' ? 'aarch64' : arch(),
    cpus: limits.cpus,
    memoryBytes: totalmem(),
    dataRoot,
    securityOptions: [
      ...(facts.apparmor ? ['name=apparmor'] : []),
      ...(facts.seccomp ? ['name=seccomp,profile=builtin'] : []),
      ...(limits.cgroupVersion === '2' ? ['name=cgroupns'] : []),
    ],
    indexServerAddress: defaultRegistry,
  } as const;
  return () => ({
    ...fixed,
    get containers() {
      return countContainers(deps);
    },
    get images() {
      return deps.images.list().filter(({ isFirst }) => isFirst).length;
    },
    get hostname() {
      return hostname();
    },
    get warnings() {
      return warningsOf(deps);
    },
    get openFileDescriptors() {
      return readdirSync('/proc/self/fd').length;
    },
    get now() {
      return deps.now();
    },
  });
}

/** Made once for a data root and kept beside it, so that monitoring tells engines apart across restarts. */
function engineId({ dataRoot, random }: InfoDeps): string {
  const path = join(dataRoot, 'engine-id');
  const kept = readText(path).trim();
  // Empty after a power cut, when the name was on the disk before the text.
  if (kept !== '') return kept;
  const digits = formatId(random(16));
  const id = [8, 12, 16, 20].reduceRight((text, at) => `${text.slice(0, at)}-${text.slice(at)}`, digits);
  writeFileSync(path, `${id}\n`, { mode: 0o600 });
  return id;
}

function countContainers({ store }: InfoDeps): EngineInfo['containers'] {
  const statuses = store.list().map((container) => container.status);
  const running = statuses.filter((status) => status.kind === 'running' || status.kind === 'restarting');
  const paused = running.filter((status) => status.kind === 'running' && status.paused).length;
  return { running: running.length - paused, paused, stopped: statuses.length - running.length };
}

function readRelease(): Record<string, string> {
  const path = ['/etc/os-release', '/usr/lib/os-release'].find((candidate) => existsSync(candidate));
  if (path === undefined) return {};
  const lines = readFileSync(path, 'utf8').matchAll(/^([A-Z_]+)=(.*)$/gm);
  return Object.fromEntries(
    [...lines].map((match) => [match[1] ?? '', (match[2] ?? '').replace(/^(["'])(.*)\1$/, '$2')]),
  );
}

function warningsOf({ limits }: InfoDeps): string[] {
  const lacks = (controller: string): boolean => !limits.controllers.has(controller);
  const forwarding = readText('/proc/sys/net/ipv4/ip_forward').trim() === '1';
  return [
    ...(lacks('memory') ? ['WARNING: No memory limit support'] : []),
    ...(!lacks('memory') && !limits.swapLimit ? ['WARNING: No swap limit support'] : []),
    ...(lacks('cpu') ? ['WARNING: No cpu cfs quota support', 'WARNING: No cpu cfs period support'] : []),
    ...(lacks('cpu') ? ['WARNING: No cpu shares support'] : []),
    ...(lacks('cpuset') ? ['WARNING: No cpuset support'] : []),
    ...(lacks('pids') ? ['WARNING: No pids limit support'] : []),
    ...(forwarding ? [] : ['WARNING: IPv4 forwarding is disabled']),
  ];
}

function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
