import { array, bool, field, int, object, optional, record, text } from '../codec/codec.ts';

export const deviceMapping = object({
  pathOnHost: field('PathOnHost', text),
  pathInContainer: field('PathInContainer', text),
  cgroupPermissions: field('CgroupPermissions', text),
});

export const deviceRequest = object({
  driver: field('Driver', text),
  count: field('Count', int),
  deviceIds: field('DeviceIDs', array(text), 'null'),
  capabilities: field('Capabilities', array(array(text)), 'null'),
  options: field('Options', record(text), 'null'),
});

const throttleDevice = object({ path: field('Path', text), rate: field('Rate', int) });
const weightDevice = object({ path: field('Path', text), weight: field('Weight', int) });
export const ulimit = object({ name: field('Name', text), hard: field('Hard', int), soft: field('Soft', int) });

/** Members of HostConfig that `update` can change, in Docker's order. */
export const resourceFields = {
  cpuShares: field('CpuShares', int),
  memoryBytes: field('Memory', int),
  nanoCpus: field('NanoCpus', int),
  cgroupParent: field('CgroupParent', text),
  blkioWeight: field('BlkioWeight', int),
  blkioWeightDevice: field('BlkioWeightDevice', array(weightDevice)),
  blkioDeviceReadBps: field('BlkioDeviceReadBps', array(throttleDevice)),
  blkioDeviceWriteBps: field('BlkioDeviceWriteBps', array(throttleDevice)),
  blkioDeviceReadIops: field('BlkioDeviceReadIOps', array(throttleDevice)),
  blkioDeviceWriteIops: field('BlkioDeviceWriteIOps', array(throttleDevice)),
  cpuPeriod: field('CpuPeriod', int),
  cpuQuota: field('CpuQuota', int),
  cpuRealtimePeriod: field('CpuRealtimePeriod', int),
  cpuRealtimeRuntime: field('CpuRealtimeRuntime', int),
  cpusetCpus: field('CpusetCpus', text),
  cpusetMems: field('CpusetMems', text),
  devices: field('Devices', array(deviceMapping)),
  deviceCgroupRules: field('DeviceCgroupRules', array(text), 'null'),
  deviceRequests: field('DeviceRequests', array(deviceRequest), 'null'),
  memoryReservationBytes: field('MemoryReservation', int),
  memorySwapBytes: field('MemorySwap', int),
  memorySwappiness: field('MemorySwappiness', optional(int)),
  oomKillDisable: field('OomKillDisable', optional(bool)),
  pidsLimit: field('PidsLimit', optional(int)),
  ulimits: field('Ulimits', array(ulimit)),
};

export const resources = object(resourceFields);
