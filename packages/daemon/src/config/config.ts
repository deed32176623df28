import { EngineError, messageOf, parseSize } from '@gantry/base';
import { type CollectPolicy, settleLogConfig } from '@gantry/engine';
import { usualConfigDirs } from '@gantry/registry';
import { type Address, parseAddress } from '../http/address.ts';
import { type LogLevel, logLevels } from '../log.ts';
import type { GivenOptions } from './given.ts';
import { parseImagePolicy } from './image-policy.ts';

/** Everything a daemon is told, settled. */
export type DaemonConfig = {
  readonly hosts: readonly Address[];
  readonly group: string;
  /** Where Prometheus finds `/metrics` without being given the API. */
  readonly metricsAddress: Address | undefined;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pidfile: string;
  readonly bridge: string;
  readonly bip: string;
  readonly logLevel: LogLevel;
  readonly logFormat: 'text' | 'json';
  readonly debug: boolean;
  readonly labels: readonly string[];
  readonly insecureRegistries: readonly string[];
  readonly nondistributable: readonly string[];
  readonly registryMirrors: readonly string[];
  readonly registryConfigDirs: readonly string[];
  readonly logConfig: { readonly type: string; readonly config: Readonly<Record<string, string>> };
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly dns: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly shmSizeBytes: number;
  readonly init: boolean;
  /** How long an orderly end may take; negative: as long as it takes. */
  readonly shutdownTimeoutSeconds: number;
  /** Which images go by themselves; undefined: none. */
  readonly imagePolicy: CollectPolicy | undefined;
  /** '' for the one that works here. */
  readonly storageDriver: string;
};

/** Where everything is when nobody says otherwise. */
export const daemonDefaults = {
  host: 'unix:///run/gantry/gantry.sock',
  group: 'docker',
  dataRoot: '/var/lib/gantry',
  execRoot: '/run/gantry',
  pidfile: '/run/gantry/gantry.pid',
  configFile: '/etc/gantry/daemon.json',
  bridge: 'gantry0',
  logDriver: 'json-file',
  shmSizeBytes: 64 * 2 ** 20,
  shutdownTimeoutSeconds: 15,
} as const;

/** @throws invalid, naming the option */
export function settleConfig(given: GivenOptions): DaemonConfig {
  const text = (name: string, otherwise: string): string => given.get(name)?.at(-1) ?? otherwise;
  const list = (name: string): readonly string[] => given.get(name) ?? [];
  const bool = (name: string): boolean => ['true', '1', 't'].includes(text(name, 'false').toLowerCase());
  const debug = bool('debug');
  const hosts = list('host').length === 0 ? [daemonDefaults.host] : list('host');
  const shmSize = given.get('default-shm-size')?.at(-1);
  return {
    hosts: hosts.map(parseAddress),
    metricsAddress: parseMetricsAddress(given.get('metrics-addr')?.at(-1)),
    group: text('group', daemonDefaults.group),
    dataRoot: text('data-root', daemonDefaults.dataRoot),
    execRoot: text('exec-root', daemonDefaults.execRoot),
    pidfile: text('pidfile', daemonDefaults.pidfile),
    bridge: text('bridge', daemonDefaults.bridge),
    bip: text('bip', ''),
    logLevel: debug ? 'debug' : parseLevel(text('log-level', 'info')),
    logFormat: parseFormat(text('log-format', 'text')),
    debug,
    labels: list('label').map(checkLabel),
    insecureRegistries: list('insecure-registry'),
    nondistributable: list('allow-nondistributable-artifacts'),
    registryMirrors: list('registry-mirror'),
    registryConfigDirs: given.get('registry-config-dir') ?? usualConfigDirs,
    logConfig: checkLogConfig({
      type: text('log-driver', daemonDefaults.logDriver),
      config: Object.fromEntries(list('log-opt').map((pair) => splitPair(pair, 'log-opt'))),
    }),
    ulimits: list('default-ulimit').map(parseUlimit),
    dns: list('dns'),
    dnsOptions: list('dns-opt'),
    dnsSearch: list('dns-search'),
    shmSizeBytes: shmSize === undefined ? daemonDefaults.shmSizeBytes : parseSize(shmSize),
    init: bool('init'),
    shutdownTimeoutSeconds: parseSeconds(given.get('shutdown-timeout')?.at(-1)),
    imagePolicy: parseImagePolicy(list('image-gc').map((pair) => splitPair(pair, 'image-gc'))),
    storageDriver: text('storage-driver', ''),
  };
}

/** Told before anything is opened, and not by the first container. @throws invalid with Docker's text */
function checkLogConfig(logConfig: DaemonConfig['logConfig']): DaemonConfig['logConfig'] {
  try {
    return settleLogConfig(logConfig, logConfig);
  } catch (cause) {
    throw new EngineError('invalid', `failed to set log opts: ${messageOf(cause)}`, { cause });
  }
}

function parseMetricsAddress(text: string | undefined): Address | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^[^/]*:\d+$/.test(text)) throw new EngineError('invalid', `invalid metrics address (${text}): use host:port`);
  return parseAddress(`tcp://${text}`);
}

function parseSeconds(text: string | undefined): number {
  const seconds = Number(text ?? daemonDefaults.shutdownTimeoutSeconds);
  if (!Number.isInteger(seconds)) throw new EngineError('invalid', `invalid shutdown timeout: ${text}`);
  return seconds;
}

function parseLevel(text: string): LogLevel {
  const level = logLevels.find((candidate) => candidate === text);
  if (level === undefined) throw new EngineError('invalid', `invalid logging level: ${text}`);
  return level;
}

function parseFormat(text: string): 'text' | 'json' {
  if (text !== 'text' && text !== 'json') throw new EngineError('invalid', `invalid log format: ${text}`);
  return text;
}

function checkLabel(label: string): string {
  if (!label.includes('=')) throw new EngineError('invalid', `bad attribute format: ${label}`);
  return label;
}

function splitPair(pair: string, option: string): readonly [string, string] {
  const equals = pair.indexOf('=');
  if (equals < 1) throw new EngineError('invalid', `invalid value "${pair}" of ${option}: use name=value`);
  return [pair.slice(0, equals), pair.slice(equals + 1)];
}

/** `nofile=1024` or `nofile=1024:2048`. @throws invalid with Docker's text */
function parseUlimit(text: string): { name: string; soft: number; hard: number } {
  const match = /^(\w+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
  if (match === null) throw new EngineError('invalid', `invalid ulimit argument: ${text}`);
  const [, name = '', soft = '', hard = soft] = match;
  if (Number(soft) > Number(hard) && hard !== '-1') {
    throw new EngineError('invalid', `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return { name, soft: Number(soft), hard: Number(hard) };
}
