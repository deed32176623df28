import { runtimeSpecVersion } from '@gantry/oci';
import { capabilityNames } from '../capabilities.ts';
import type { HostFacts } from '../facts.ts';
import { knownMountOptions } from '../mount-options.ts';
import { cloneFlag } from '../namespaces.ts';
import { knownSeccomp } from '../seccomp/index.ts';

/** The document of `gantry runtime features`. Spec: features.md and features-linux.md. */
export function describeFeatures(facts: Pick<HostFacts, 'seccomp' | 'apparmor' | 'selinux'>) {
  return {
    ociVersionMin: '1.0.0',
    ociVersionMax: runtimeSpecVersion,
    hooks: [],
    mountOptions: knownMountOptions,
    linux: {
      namespaces: Object.keys(cloneFlag)
        .filter((type) => type !== 'user')
        .sort(),
      capabilities: capabilityNames,
      cgroup: { v1: true, v2: true, systemd: false, systemdUser: false, rdma: true },
      seccomp: { enabled: facts.seccomp, ...knownSeccomp },
      apparmor: { enabled: facts.apparmor },
      selinux: { enabled: facts.selinux },
      intelRdt: { enabled: false, schemata: false, monitoring: false },
      mountExtensions: { idmap: { enabled: false } },
      netDevices: { enabled: false },
    },
  };
}
