import { EngineError } from '@gantry/base';
import type { LinuxDeviceRule } from '@gantry/oci';
import type { StartFacts } from './start-facts.ts';
import type { HostConfig } from './types.ts';

const character = (major: number, minor: number): LinuxDeviceRule => ({
  allow: true,
  type: 'c',
  major,
  minor,
  access: 'rwm',
});

/** Docker's defaults; the runtime adds the nodes it makes itself. */
const defaultRules: readonly LinuxDeviceRule[] = [
  { allow: false, access: 'rwm' },
  character(1, 5), // zero
  character(1, 3), // null
  character(1, 9), // urandom
  character(1, 8), // random
  character(5, 0), // tty
  character(5, 1), // console
  { ...character(10, 229), allow: false }, // fuse
];

/**
 * The rules of a container's device cgroup: everything is denied but the defaults, the devices it was given and
 * `--device-cgroup-rule`. A privileged container may use all.
 *
 * @throws invalid with Docker's text
 */
export function composeDeviceRules(
  hostConfig: Pick<HostConfig, 'privileged' | 'deviceCgroupRules'>,
  facts: Pick<StartFacts, 'devices'>,
): readonly LinuxDeviceRule[] {
  if (hostConfig.privileged) return [{ allow: true, access: 'rwm' }];
  const given = facts.devices.map(
    ({ type, major, minor, access }): LinuxDeviceRule => ({ allow: true, type, major, minor, access }),
  );
  return [...defaultRules, ...given, ...hostConfig.deviceCgroupRules.map(parseDeviceRule)];
}

/** Parses `c 10:229 rwm`; `*` stands for any number. @throws invalid with Docker's text */
export function parseDeviceRule(text: string): LinuxDeviceRule {
  const match = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/.exec(text);
  if (match === null) throw new EngineError('invalid', `invalid device cgroup rule format: '${text}'`);
  const [, type = '', major = '', minor = '', access = ''] = match;
  return {
    allow: true,
    ...(type === 'a' ? {} : { type }),
    ...(major === '*' ? {} : { major: Number(major) }),
    ...(minor === '*' ? {} : { minor: Number(minor) }),
    access,
  };
}
