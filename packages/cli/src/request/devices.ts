import type { deviceMapping, deviceRequest, ulimit, ValueOf } from '@gantry/api';
import { parseSize } from '@gantry/base';
import { cutPair, pairsToRecord, splitCsv } from './csv.ts';

export type DeviceMapping = ValueOf<typeof deviceMapping>;
export type DeviceRequest = ValueOf<typeof deviceRequest>;
export type Ulimit = ValueOf<typeof ulimit>;

/** A device of a vendor by the Container Device Interface's naming, `vendor.com/class=name`. */
export function isCdiName(text: string): boolean {
  return /^[a-zA-Z][\w.-]*\/[a-zA-Z][\w.-]*=[\w][\w.:-]*$/.test(text);
}

function isDeviceMode(text: string): boolean {
  return /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length;
}

/** Reads `--device host[:container][:mode]`. @throws Error in Docker's words */
export function parseDevice(text: string): DeviceMapping {
  const parts = text.split(':');
  const [source = '', second, third] = parts;
  if (parts.length > 3 || source === '') throw new Error(`bad format for path: ${text}`);
  const mode = third ?? (second !== undefined && isDeviceMode(second) ? second : undefined);
  const target = third !== undefined || mode === undefined ? (second ?? source) : source;
  if (third !== undefined && !isDeviceMode(third)) throw new Error(`bad mode specified: ${third}`);
  if (!target.startsWith('/')) throw new Error(`${target} is not an absolute path`);
  return { pathOnHost: source, pathInContainer: target, cgroupPermissions: mode ?? 'rwm' };
}

/** Checks `--device-cgroup-rule`. @throws Error in Docker's words */
export function checkDeviceCgroupRule(text: string): void {
  if (!/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(text))
    throw new Error(`invalid device cgroup format '${text}'`);
}

function parseDeviceValue(text: string): readonly [string, string] {
  const [path, value] = cutPair(text, ':');
  if (value === undefined || path === '') throw new Error(`bad format: ${text}`);
  if (!path.startsWith('/dev/')) throw new Error(`bad format for device path: ${text}`);
  return [path, value];
}

/** Reads `--device-read-bps /dev/sda:1mb`. @throws Error in Docker's words */
export function parseByteRate(text: string): { path: string; rate: number } {
  const [path, value] = parseDeviceValue(text);
  const form =
    'The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb';
  try {
    return { path, rate: parseSize(value) };
  } catch {
    throw new Error(`invalid rate for device: ${text}. ${form}`);
  }
}

/** Reads `--device-read-iops /dev/sda:100`. @throws Error in Docker's words */
export function parseOperationRate(text: string): { path: string; rate: number } {
  const [path, value] = parseDeviceValue(text);
  if (!/^\d+$/.test(value)) {
    const form = 'The correct format is <device-path>:<number>. Number must be a positive integer';
    throw new Error(`invalid rate for device: ${text}. ${form}`);
  }
  return { path, rate: Number(value) };
}

/** Reads `--blkio-weight-device /dev/sda:500`. @throws Error in Docker's words */
export function parseWeight(text: string): { path: string; weight: number } {
  const [path, value] = parseDeviceValue(text);
  const weight = Number(value);
  const isInRange = weight === 0 || (weight >= 10 && weight <= 1000);
  if (!/^\d+$/.test(value) || !isInRange) throw new Error(`invalid weight for device: ${text}`);
  return { path, weight };
}

/** Reads one `--gpus`: `all`, a number, or `key=value` fields. @throws Error in Docker's words */
export function parseGpus(text: string): DeviceRequest {
  const request = { driver: '', count: 0, deviceIds: [] as string[], capabilities: [['gpu']], options: {} };
  const seen = new Set<string>();
  for (const field of splitCsv(text)) {
    const [key, value] = cutPair(field);
    if (seen.has(key)) throw new Error(`gpu request key '${key}' can be specified only once`);
    seen.add(key);
    if (value === undefined) {
      seen.add('count');
      request.count = parseGpuCount(key);
      continue;
    }
    if (key === 'driver') request.driver = value;
    else if (key === 'count') request.count = parseGpuCount(value);
    else if (key === 'device') request.deviceIds = value.split(',');
    else if (key === 'capabilities') request.capabilities = [[...value.split(','), 'gpu']];
    else if (key === 'options') request.options = pairsToRecord(splitCsv(value));
    else throw new Error(`unexpected key '${key}' in '${field}'`);
  }
  if (!seen.has('count') && request.deviceIds.length === 0) request.count = 1;
  return request;
}

function parseGpuCount(text: string): number {
  if (text === 'all') return -1;
  if (!/^[+-]?\d+$/.test(text)) {
    throw new Error(`invalid count (${text}): value must be either "all" or an integer: invalid syntax`);
  }
  return Number(text);
}

const ulimitNames = [
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
];

/** Reads `--ulimit name=soft[:hard]`, -1 for unlimited. @throws Error in Docker's words */
export function parseUlimit(text: string): Ulimit {
  const [name, value] = cutPair(text);
  if (value === undefined || value === '' || name === '') throw new Error(`invalid ulimit argument: ${text}`);
  if (!ulimitNames.includes(name)) throw new Error(`invalid ulimit type: ${name}`);
  const parts = value.split(':');
  if (parts.length > 2)
    throw new Error(`too many limit value arguments - ${value}, can only have up to two, \`soft[:hard]\``);
  const [soft = 0, hard = soft] = parts.map((part) => parseLimit(part));
  if (hard !== -1 && (soft === -1 || soft > hard)) {
    if (soft === -1)
      throw new Error(
        `ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: ${hard}`,
      );
    throw new Error(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return { name, soft, hard };
}

function parseLimit(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

/** Checks `--sysctl name=value`: only names that belong to a namespace. @throws Error in Docker's words */
export function checkSysctl(text: string): void {
  const [name, value] = cutPair(text);
  const isOwn = /^kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)$/.test(name);
  const isNamespaced = isOwn || name.startsWith('net.') || name.startsWith('fs.mqueue.');
  if (value === undefined || name === '' || !isNamespaced) throw new Error(`sysctl '${text}' is not allowed`);
}

/** Checks `--link container[:alias]`. @throws Error in Docker's words */
export function checkLink(text: string): void {
  if (text === '') throw new Error('empty string specified for links');
  if (text.split(':').length > 2) throw new Error(`bad format for links: ${text}`);
}
