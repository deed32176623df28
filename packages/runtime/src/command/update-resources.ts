import { EngineError, flagInt, flagText, messageOf, type ParsedFlags, parseSize } from '@gantry/base';
import type { LinuxResources } from '@gantry/oci';
import type { RuntimeFlag } from './command-row.ts';

/** The flags of `update` that each set one limit. */
export const limitFlags: readonly RuntimeFlag[] = [
  { name: 'blkio-weight', kind: 'int', about: 'block I/O weight, 10 to 1000' },
  { name: 'cpu-period', kind: 'int', about: 'microseconds of one CFS period' },
  { name: 'cpu-quota', kind: 'int', about: 'microseconds that may be used in one period' },
  { name: 'cpu-burst', kind: 'int', about: 'microseconds that may be saved up beyond the quota' },
  { name: 'cpu-share', kind: 'int', about: 'CPU weight beside other containers' },
  { name: 'cpu-rt-period', kind: 'int', about: 'microseconds of one real-time period' },
  { name: 'cpu-rt-runtime', kind: 'int', about: 'microseconds of real-time use in one period' },
  { name: 'cpuset-cpus', kind: 'string', about: 'CPUs to use, as 0-3,7' },
  { name: 'cpuset-mems', kind: 'string', about: 'memory nodes to use, as 0,1' },
  { name: 'cpu-idle', kind: 'int', about: '1: run only when nothing else wants the CPU' },
  { name: 'memory', kind: 'string', about: 'memory limit, as 64m; -1 for none' },
  { name: 'memory-reservation', kind: 'string', about: 'what to try to keep it at when memory is short' },
  { name: 'memory-swap', kind: 'string', about: 'limit of memory and swap together; -1 for none' },
  { name: 'pids-limit', kind: 'int', about: 'how many processes it may have; -1 for any' },
];

/** Reads the limits that flags ask for; a flag of 0 asks for nothing, as in runc. @throws invalid */
export function parseLimitFlags(flags: ParsedFlags): LinuxResources {
  const number = (name: string): number | undefined => flagInt(flags, name) || undefined;
  const size = (name: string): number | undefined => parseLimit(name, flagText(flags, name)) || undefined;
  const document = {
    cpu: {
      period: number('cpu-period'),
      quota: number('cpu-quota'),
      burst: flagInt(flags, 'cpu-burst'),
      shares: number('cpu-share'),
      realtimePeriod: number('cpu-rt-period'),
      realtimeRuntime: number('cpu-rt-runtime'),
      cpus: flagText(flags, 'cpuset-cpus'),
      mems: flagText(flags, 'cpuset-mems'),
      idle: flagInt(flags, 'cpu-idle'),
    },
    memory: { limit: size('memory'), reservation: size('memory-reservation'), swap: size('memory-swap') },
    pids: { limit: number('pids-limit') },
    blockIO: { weight: number('blkio-weight') },
  };
  // As a document: JSON leaves out what was not given.
  return parseResources(JSON.stringify(document));
}

function parseLimit(name: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '-1') return text === undefined ? undefined : -1;
  try {
    return parseSize(text);
  } catch (cause) {
    throw new EngineError('invalid', `invalid value for ${name}: ${messageOf(cause)}`, { cause });
  }
}

const sections = ['memory', 'cpu', 'pids', 'blockIO', 'network', 'rdma', 'unified'] as const;

/** Parses the document of `update -r`: `linux.resources` of a config.json. @throws invalid */
export function parseResources(text: string): LinuxResources {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new EngineError('invalid', `cannot read resources: ${messageOf(cause)}`, { cause });
  }
  if (!isObject(document)) throw new EngineError('invalid', 'cannot read resources: the document is no object');
  for (const name of sections) {
    const value = document[name];
    if (value !== undefined && !isObject(value)) {
      throw new EngineError('invalid', `cannot read resources: "${name}" is no object`);
    }
  }
  return document as LinuxResources;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a container's resources are after a change. Devices stay as they are. */
export function mergeResources(current: LinuxResources, { devices, ...asked }: LinuxResources): LinuxResources {
  return {
    ...current,
    ...asked,
    memory: { ...current.memory, ...asked.memory },
    cpu: { ...current.cpu, ...asked.cpu },
    pids: { ...current.pids, ...asked.pids },
    blockIO: { ...current.blockIO, ...asked.blockIO },
    unified: { ...current.unified, ...asked.unified },
  };
}

/**
 * What has to be written for a change: what was asked, and the partner of a value whose file, or whose order of writing,
 * it shares: quota and period, memory and swap.
 */
export function resourcesToWrite(merged: LinuxResources, asked: LinuxResources): LinuxResources {
  const { limit, swap } = merged.memory ?? {};
  const { quota, period } = merged.cpu ?? {};
  const memory = { ...(limit === undefined ? {} : { limit }), ...(swap === undefined ? {} : { swap }) };
  const cpu = { ...(quota === undefined ? {} : { quota }), ...(period === undefined ? {} : { period }) };
  return {
    ...asked,
    memory: { ...(asked.memory?.limit || asked.memory?.swap ? memory : {}), ...asked.memory },
    cpu: { ...(asked.cpu?.quota || asked.cpu?.period ? cpu : {}), ...asked.cpu },
  };
}
