import { encodePlan } from '@gantry/native';
import type { ContainerDeps } from './deps.ts';
import { commandOf, mergeConfig } from './merge-config.ts';
import { settleCreate } from './settle-create.ts';
import { planOf } from './start.ts';
import type { ContainerRecord, CreateRequest } from './types.ts';

/** Names nothing: what is decided here is thrown away. */
const nobody = '0'.repeat(64);

/**
 * Decides how a container would be created and started, and does nothing.
 *
 * Code that has run a few dozen times is compiled; code that has not is interpreted, and deciding a start then takes four
 * times as long. A daemon that has just begun rehearses, so that its first clients do not wait for that.
 *
 * @param request of a container with a command of its own: no image is looked up
 */
export function rehearse(deps: ContainerDeps, request: CreateRequest): void {
  const hostConfig = settleCreate(request, deps.limits).value;
  const config = mergeConfig(request.config, undefined);
  const container: ContainerRecord = {
    id: nobody,
    name: '',
    createdAt: deps.now(),
    imageId: '',
    chainId: '',
    platform: '',
    config,
    hostConfig: { ...hostConfig, logConfig: deps.defaults.logConfig },
    mountPoints: [],
    command: commandOf(config),
    status: { kind: 'created' },
    restartCount: 0,
    stoppedByUser: false,
  };
  const root = { cwd: '/', lower: ['lower'], upper: 'upper', work: 'work', target: '/root' };
  const joined = {
    namespace: { kind: 'own' },
    parentActs: [],
    childActs: [],
    hostsFile: '',
    resolvConf: '',
    endpoints: [],
    ports: [],
    needsDns: false,
  } as const;
  const facts = {
    host: deps.facts,
    rootPath: root.target,
    cgroupPath: `${deps.cgroupParent}/${nobody}`,
    hostname: 'nobody',
    hostsPath: '/hosts',
    hostnamePath: '/hostname',
    resolvConfPath: '/resolv.conf',
    network: joined.namespace,
    ipcPath: undefined,
    pidPath: undefined,
    shmOf: undefined,
    initPath: '/init',
    devices: [],
    deviceNumbers: new Map(),
    thermalCpus: deps.limits.thermalCpus,
  };
  encodePlan(planOf(deps, container, { facts, root, joined }));
}
