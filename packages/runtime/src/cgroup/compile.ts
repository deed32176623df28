import type { Act } from '@gantry/native';
import type { LinuxResources } from '@gantry/oci';
import type { Registers } from '../registers.ts';
import { compileDeviceProgram } from './device-program.ts';
import { alwaysAllowed, formatException, readDeviceRules } from './device-rules.ts';
import type { FileWrite } from './file-write.ts';
import { cgroupDirectories, controllerDirectory } from './layout.ts';
import { type LimitContext, v1Limits } from './v1.ts';
import { v2Limits } from './v2.ts';

export type CgroupPlan = {
  /** v2: makes the cgroup, sets its limits, opens it. */
  readonly parent: readonly Act[];
  /** v1: makes the cgroup and sets its limits, while the child builds its tree. */
  readonly beside: readonly Act[];
  /** v1: the child moves itself, one hierarchy after another. */
  readonly join: readonly Act[];
  /** v2: clone3 starts the child in it. */
  readonly cloneInto: number | undefined;
};

export type CgroupEntry = Omit<CgroupPlan, 'beside'>;

const directoryMode = 0o755;

/** Makes a container's cgroup with its limits set before any process is in it. @throws invalid, unsupported */
export function compileCgroup(resources: LinuxResources, context: LimitContext, registers: Registers): CgroupPlan {
  const { cgroup } = context.facts;
  const made = cgroupDirectories(cgroup, context.cgroupPath).map(
    (path): Act => ({ verb: 'cgroupMake', path, mode: directoryMode }),
  );
  const limits = [...compileLimits(resources, context), ...v1DeviceWrites(resources, context)].map(writeAct);
  const entered = enterCgroup(context, registers);
  if (entered.cloneInto === undefined) return { ...entered, beside: [...made, ...limits] };
  const program = deviceProgram(resources);
  const devices: Act[] = program === undefined ? [] : [{ verb: 'bpfDevices', cgroup: entered.cloneInto, program }];
  return { ...entered, parent: [...made, ...limits, ...entered.parent, ...devices], beside: [] };
}

/** Gets a process into a cgroup that exists by then. */
export function enterCgroup(context: LimitContext, registers: Registers): CgroupEntry {
  const { cgroup } = context.facts;
  const directories = cgroupDirectories(cgroup, context.cgroupPath);
  const [only] = directories;
  if (cgroup.kind === 'v2' && only !== undefined) {
    const reg = registers.next();
    return { parent: [{ verb: 'open', path: only, flags: 0, reg }], join: [], cloneInto: reg };
  }
  const join = directories.map((directory): Act => ({ verb: 'cgroupJoin', path: `${directory}/tasks` }));
  return { parent: [], join, cloneInto: undefined };
}

/** Limits as file writes, without devices. */
function compileLimits(resources: LinuxResources, context: LimitContext): FileWrite[] {
  return context.facts.cgroup.kind === 'v2' ? v2Limits(resources, context) : v1Limits(resources, context);
}

/**
 * The writes that change the limits of a running container, in order. Devices stay as they are.
 *
 * @throws invalid, unsupported
 */
export function compileUpdate(resources: LinuxResources, context: LimitContext): FileWrite[] {
  return compileLimits(resources, context);
}

const writeAct = ({ path, data }: FileWrite): Act => ({
  verb: 'writeFile',
  path,
  data: new TextEncoder().encode(data),
});

function devicePolicy(resources: LinuxResources) {
  return readDeviceRules([...(resources.devices ?? []), ...alwaysAllowed]);
}

function v1DeviceWrites(resources: LinuxResources, context: LimitContext): FileWrite[] {
  const { cgroup } = context.facts;
  if (cgroup.kind === 'v2' || resources.devices === undefined) return [];
  const directory = controllerDirectory(cgroup, 'devices', context.cgroupPath);
  if (directory === undefined) return [];
  const { allowByDefault, exceptions } = devicePolicy(resources);
  // A new cgroup allows what its parent does, so only a denying default has to be said.
  const start: FileWrite[] = allowByDefault ? [] : [{ path: `${directory}/devices.deny`, data: 'a' }];
  const file = `${directory}/devices.${allowByDefault ? 'deny' : 'allow'}`;
  return [...start, ...exceptions.map((exception) => ({ path: file, data: formatException(exception) }))];
}

function deviceProgram(resources: LinuxResources): Uint8Array | undefined {
  if (resources.devices === undefined) return undefined;
  const policy = devicePolicy(resources);
  return policy.allowByDefault && policy.exceptions.length === 0 ? undefined : compileDeviceProgram(policy);
}
