import type { CgroupLayout, CgroupV1Hierarchy } from '../facts.ts';

/** The v1 hierarchies of a layout; none on v2. */
export function hierarchiesOf(layout: CgroupLayout): readonly CgroupV1Hierarchy[] {
  return layout.kind === 'v2' ? [] : layout.hierarchies;
}

/** The last component of a path. */
export function lastName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The directory in which a controller's files of this cgroup are; undefined when the host has no such controller. */
export function controllerDirectory(layout: CgroupLayout, controller: string, cgroupPath: string): string | undefined {
  if (layout.kind === 'v2') {
    return layout.tree.controllers.includes(controller) ? `${layout.tree.mountPoint}${cgroupPath}` : undefined;
  }
  const hierarchy = layout.hierarchies.find(({ controllers }) => controllers.includes(controller));
  return hierarchy === undefined ? undefined : `${hierarchy.mountPoint}${cgroupPath}`;
}

/** Every directory that a cgroup has on this host: one per v1 hierarchy, or the one of v2. */
export function cgroupDirectories(layout: CgroupLayout, cgroupPath: string): readonly string[] {
  if (layout.kind === 'v2') return [`${layout.tree.mountPoint}${cgroupPath}`];
  return layout.hierarchies.map(({ mountPoint }) => `${mountPoint}${cgroupPath}`);
}

/** Files of one cgroup that its owner reads and writes while it runs. Undefined: the host has no such controller. */
export type CgroupFiles = {
  readonly directories: readonly string[];
  /** One hierarchy's cgroup.procs: every process of the container is in it. */
  readonly procs: string;
  readonly freeze:
    | { readonly file: string; readonly frozen: string; readonly thawed: string; readonly state: string }
    | undefined;
  /** Where an OOM kill is counted. */
  readonly oom: string | undefined;
  readonly memory: string | undefined;
  readonly cpu: string | undefined;
  readonly cpuacct: string | undefined;
  readonly pids: string | undefined;
  readonly blkio: string | undefined;
};

/**
 * Names the files by which a container is paused, listed and measured.
 *
 * `memory`, `cpu`, `cpuacct`, `pids` and `blkio` are directories: which file holds what is version's business, told apart
 * by `layout.kind`. On v2 all are the same directory.
 */
export function cgroupFiles(layout: CgroupLayout, cgroupPath: string): CgroupFiles {
  const directories = cgroupDirectories(layout, cgroupPath);
  const at = (controller: string) => controllerDirectory(layout, controller, cgroupPath);
  const v2 = layout.kind === 'v2';
  const memory = at('memory');
  const freezer = v2 ? directories[0] : at('freezer');
  return {
    directories,
    procs: `${at('pids') ?? memory ?? directories[0] ?? ''}/cgroup.procs`,
    freeze: freezer === undefined ? undefined : freezeFiles(freezer, v2),
    oom: memory === undefined ? undefined : `${memory}/${v2 ? 'memory.events' : 'memory.oom_control'}`,
    memory,
    cpu: at('cpu'),
    cpuacct: v2 ? at('cpu') : at('cpuacct'),
    pids: at('pids'),
    blkio: v2 ? at('io') : at('blkio'),
  };
}

function freezeFiles(directory: string, v2: boolean): NonNullable<CgroupFiles['freeze']> {
  return v2
    ? { file: `${directory}/cgroup.freeze`, frozen: '1', thawed: '0', state: `${directory}/cgroup.events` }
    : { file: `${directory}/freezer.state`, frozen: 'FROZEN', thawed: 'THAWED', state: `${directory}/freezer.state` };
}
