import type { Act } from '@gantry/native';
import type { CompileContext } from '../context.ts';
import { mountAttr } from '../mount-options.ts';
import { hierarchiesOf, lastName } from './layout.ts';

type CgroupMount = {
  readonly root: number;
  readonly target: string;
  readonly attrs: bigint;
  readonly compile: CompileContext;
};

/**
 * What a mount of type `cgroup` shows: the container's own directory of each hierarchy, and nothing above it.
 *
 * A bind of that directory serves private and host cgroup namespaces alike: with a private one the kernel prints paths
 * relative to it. On v1 the binds stand on a tmpfs, which turns read-only after them.
 */
export function cgroupMounts({ root, target, attrs, compile }: CgroupMount): { acts: Act[]; readOnlyLater: boolean } {
  const { cgroup } = compile.facts;
  const bind = (source: string, at: string): Act => ({
    verb: 'mountBind',
    root,
    source,
    subpath: '',
    target: at,
    recursive: 0,
    attrSet: attrs,
    attrClear: 0n,
    propagation: 0n,
  });
  if (cgroup.kind === 'v2') {
    return { acts: [bind(`${cgroup.tree.mountPoint}${compile.cgroupPath}`, target)], readOnlyLater: false };
  }
  const acts: Act[] = [
    {
      verb: 'mountFs',
      root,
      target,
      fstype: 'tmpfs',
      source: 'tmpfs',
      attrs: attrs & ~mountAttr.readOnly,
      options: ['mode=755'],
    },
  ];
  for (const hierarchy of hierarchiesOf(cgroup)) {
    const name = lastName(hierarchy.mountPoint);
    acts.push(bind(`${hierarchy.mountPoint}${compile.cgroupPath}`, `${target}/${name}`));
    // Programs look for `cpu` where the host mounts `cpu,cpuacct`.
    for (const controller of hierarchy.controllers.filter((controller) => controller !== name)) {
      acts.push({ verb: 'symlink', root, path: `${target}/${controller}`, target: name });
    }
  }
  return { acts, readOnlyLater: (attrs & mountAttr.readOnly) !== 0n };
}
