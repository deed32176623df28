import { EngineError } from '@gantry/base';
import { array, bool, type Codec, field, int, mapped, object, oneOf, optional, record, text } from '../codec/codec.ts';
import { mountSpec } from './mount-spec.ts';
import { resourceFields } from './resources.ts';

const portBinding = object({ hostIp: field('HostIp', text), hostPort: field('HostPort', text) });

export const restartPolicy = object({
  name: field(
    'Name',
    oneOf(
      ['', 'no', 'always', 'unless-stopped', 'on-failure'],
      (got) =>
        `invalid restart policy: unknown policy '${got}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    ),
  ),
  maximumRetryCount: field('MaximumRetryCount', int),
});

const consoleSize: Codec<readonly [rows: number, columns: number]> = mapped(
  array(int),
  (sizes, at) => {
    if (sizes.length !== 0 && sizes.length !== 2) {
      throw new EngineError('invalid', `${at}: expected [height, width], got ${sizes.length} numbers`);
    }
    return [sizes[0] ?? 0, sizes[1] ?? 0] as const;
  },
  (size) => [...size],
);

/** Docker's HostConfig: everything about a container that depends on the host it runs on. Members in Docker's order. */
export const hostConfig = object({
  binds: field('Binds', array(text), 'null'),
  containerIdFile: field('ContainerIDFile', text),
  logConfig: field('LogConfig', object({ type: field('Type', text), config: field('Config', record(text)) })),
  networkMode: field('NetworkMode', text),
  portBindings: field('PortBindings', record(array(portBinding))),
  restartPolicy: field('RestartPolicy', restartPolicy),
  autoRemove: field('AutoRemove', bool),
  volumeDriver: field('VolumeDriver', text),
  volumesFrom: field('VolumesFrom', array(text), 'null'),
  consoleSize: field('ConsoleSize', consoleSize),
  annotations: field('Annotations', record(text), 'omit'),
  capAdd: field('CapAdd', array(text), 'null'),
  capDrop: field('CapDrop', array(text), 'null'),
  cgroupnsMode: field('CgroupnsMode', text),
  dns: field('Dns', array(text)),
  dnsOptions: field('DnsOptions', array(text)),
  dnsSearch: field('DnsSearch', array(text)),
  extraHosts: field('ExtraHosts', array(text), 'null'),
  groupAdd: field('GroupAdd', array(text), 'null'),
  ipcMode: field('IpcMode', text),
  cgroup: field('Cgroup', text),
  links: field('Links', array(text), 'null'),
  oomScoreAdj: field('OomScoreAdj', int),
  pidMode: field('PidMode', text),
  privileged: field('Privileged', bool),
  publishAllPorts: field('PublishAllPorts', bool),
  readonlyRootfs: field('ReadonlyRootfs', bool),
  securityOpt: field('SecurityOpt', array(text), 'null'),
  storageOpt: field('StorageOpt', record(text), 'omit'),
  tmpfs: field('Tmpfs', record(text), 'omit'),
  utsMode: field('UTSMode', text),
  usernsMode: field('UsernsMode', text),
  shmSizeBytes: field('ShmSize', int),
  sysctls: field('Sysctls', record(text), 'omit'),
  runtime: field('Runtime', text),
  isolation: field('Isolation', text),
  ...resourceFields,
  mounts: field('Mounts', array(mountSpec), 'omit'),
  maskedPaths: field('MaskedPaths', optional(array(text))),
  readonlyPaths: field('ReadonlyPaths', optional(array(text))),
  init: field('Init', optional(bool), 'omit'),
});
