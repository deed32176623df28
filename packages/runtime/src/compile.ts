import { EngineError } from '@gantry/base';
import type { Act, Plan } from '@gantry/native';
import type { RuntimeProcess, RuntimeSpec } from '@gantry/oci';
import { compileCgroup } from './cgroup/compile.ts';
import { cgroupFiles } from './cgroup/layout.ts';
import type { CompileContext } from './context.ts';
import { planDevices } from './devices.ts';
import { mountAttr, mountFlag, parseMountOptions } from './mount-options.ts';
import { isBind, planMounts } from './mounts.ts';
import { namespaceMode, planNamespaces } from './namespaces.ts';
import { cleanPath } from './paths.ts';
import { confine, defaultUmask, personaActs, processUser, schedulingActs } from './process.ts';
import { openRegisters, type Registers } from './registers.ts';
import { rlimitActs } from './rlimits.ts';
import { isReadOnlyRoot, planRoot, rootPropagation } from './root.ts';
import { labelActs } from './security-label.ts';
import { planSysctls } from './sysctls.ts';
import { refuseUnsupported } from './unsupported.ts';

/**
 * Compiles a config.json and the facts of the host into the plan that starts the container.
 *
 * Pure: the same input gives the same plan, and nothing is asked of the host. The child enters its namespaces, builds
 * its tree, meets the cgroup that the shim made beside, steps into the tree and drops what it may not keep.
 *
 * Spec: OCI runtime-spec 1.3, runtime.md "Lifecycle", config.md, config-linux.md.
 *
 * @throws invalid for a document that contradicts itself, unsupported for what is not built or the host does not have
 */
export function compile(spec: RuntimeSpec, context: CompileContext): Plan {
  refuseUnsupported(spec);
  const process = commandOf(spec);
  const { linux } = spec;
  const { facts, cgroupPath } = context;
  const registers = openRegisters();
  const root = registers.next();
  const cgroup = compileCgroup(linux?.resources ?? {}, { facts, cgroupPath }, registers);
  const namespaces = planNamespaces(linux, registers);
  const label = labelActs(process, facts, registers);
  const files = cgroupFiles(facts.cgroup, cgroupPath);
  const tree = treeActs(spec, context, { root, registers });
  return {
    shim: {
      ...context.shim,
      terminal: process.terminal === true,
      oomFile: files.oom ?? '',
      // Only a PID namespace of its own takes everything down with its init.
      killProcsFile: namespaceMode(linux, 'pid') === 'new' ? '' : files.procs,
    },
    parent: [
      ...cgroup.parent,
      ...namespaces.parent,
      ...context.network.parentActs,
      ...tree.parent,
      { verb: 'clone', flags: namespaces.cloneFlags, cgroup: cgroup.cloneInto },
    ],
    beside: cgroup.beside,
    child: [
      ...namespaces.join,
      ...context.network.childActs,
      { verb: 'setsid' },
      // Modes of nodes and directories are the plan's, not those of whoever started the engine.
      { verb: 'umask', mask: 0 },
      ...oomScore(process),
      ...hostNames(spec),
      ...label.open,
      ...tree.first,
      { verb: 'awaitBeside' },
      ...cgroup.join,
      ...(namespaces.newCgroup ? [{ verb: 'unshare', flags: cloneNewCgroup } as const] : []),
      ...tree.withCgroups,
      ...limitActs(process, context),
      ...personaActs(linux?.personality?.domain),
      ...label.write,
      ...confine({
        facts,
        user: processUser(process, context.user),
        capabilities: process.capabilities,
        noNewPrivileges: process.noNewPrivileges === true,
        seccomp: linux?.seccomp,
        cwd: process.cwd,
        createWorkingDir: context.createWorkingDir,
        args: process.args ?? [],
        env: process.env ?? [],
      }),
    ],
  };
}

const cloneNewCgroup = 0x2000000;

function commandOf(spec: RuntimeSpec): RuntimeProcess {
  const { process } = spec;
  if (process === undefined) throw new EngineError('invalid', 'cannot start a container: config.json has no "process"');
  if (process.args === undefined || process.args.length === 0) {
    throw new EngineError('invalid', 'cannot start a container: "process.args" is empty');
  }
  if (!process.cwd.startsWith('/')) {
    throw new EngineError('invalid', `cannot start a container: "process.cwd" is not absolute: "${process.cwd}"`);
  }
  return process;
}

function oomScore({ oomScoreAdj }: RuntimeProcess): Act[] {
  return oomScoreAdj === undefined ? [] : [{ verb: 'oomScoreAdj', value: String(oomScoreAdj) }];
}

function hostNames({ hostname, domainname, linux }: RuntimeSpec): Act[] {
  const acts: Act[] = [];
  if (hostname) acts.push({ verb: 'hostname', name: hostname });
  if (domainname) acts.push({ verb: 'domainname', name: domainname });
  if (acts.length > 0 && namespaceMode(linux, 'uts') === 'host') {
    throw new EngineError('invalid', 'cannot set the host name: the container has no uts namespace of its own');
  }
  return acts;
}

/**
 * Builds the container's tree and makes it the root: first all that needs no cgroup.
 *
 * SAFETY: volumes take the image's content before anything is mounted that could stand in its way; sysctls are written
 * while /proc/sys is writable; paths are made read-only and masked before pivot_root, through the root's descriptor.
 */
function treeActs(
  spec: RuntimeSpec,
  context: CompileContext,
  at: { root: number; registers: Registers },
): { readonly parent: readonly Act[]; readonly first: readonly Act[]; readonly withCgroups: readonly Act[] } {
  const { linux, process } = spec;
  const { root, registers } = at;
  const mounts = planMounts(spec.mounts ?? [], { compile: context, root, registers });
  const ownDev = !(spec.mounts ?? []).some(
    (mount) => cleanPath(mount.destination) === '/dev' && isBind(mount, parseMountOptions(mount.options ?? [])),
  );
  const { height = 0, width = 0 } = process?.consoleSize ?? {};
  const first: Act[] = [
    ...mounts.before,
    { verb: 'propagation', path: '/', flags: mountFlag.private | mountFlag.recursive },
    ...planRoot(context.root, root),
    ...context.copyUp.map(({ source, hostTarget }): Act => ({ verb: 'copyUp', root, source, hostTarget })),
    ...mounts.mounts,
    ...(ownDev ? planDevices(linux?.devices ?? [], root) : []),
  ];
  const withCgroups: Act[] = [
    ...mounts.cgroups,
    ...(process?.terminal ? [{ verb: 'console', root, rows: height, columns: width, bind: 1 } as const] : []),
    ...mounts.after,
    ...planSysctls(linux, root),
    ...(linux?.readonlyPaths ?? []).map((path): Act => ({ verb: 'readonlyPath', root, path })),
    ...(linux?.maskedPaths ?? []).map((path): Act => ({ verb: 'maskPath', root, path })),
    { verb: 'pivotRoot', root },
    ...rootAttrActs(spec, context),
  ];
  return { parent: mounts.parent, first, withCgroups };
}

function rootAttrActs({ root, linux }: RuntimeSpec, context: CompileContext): Act[] {
  const attrSet = root?.readonly === true || isReadOnlyRoot(context.root) ? mountAttr.readOnly : 0n;
  const propagation = rootPropagation(linux?.rootfsPropagation);
  return attrSet === 0n && propagation === 0n ? [] : [{ verb: 'rootAttrs', attrSet, propagation }];
}

function limitActs(process: RuntimeProcess, context: CompileContext): Act[] {
  const umask = process.user.umask ?? defaultUmask;
  return [
    ...rlimitActs(process.rlimits ?? [], context.facts),
    ...schedulingActs(process),
    { verb: 'umask', mask: umask },
    ...(context.ownKeyring === false ? [] : [{ verb: 'keyring', name: `_ses.${context.id}` } as const]),
  ];
}
