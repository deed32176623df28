import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { EngineError, messageOf } from '@gantry/base';
import type { Plan } from '@gantry/native';
import type { RuntimeSpec } from '@gantry/oci';
import { compile } from '../compile.ts';
import type { CompileContext } from '../context.ts';
import type { HostFacts } from '../facts.ts';
import { loopbackActs } from '../loopback.ts';
import { namespaceMode } from '../namespaces.ts';

export type Bundle = { readonly directory: string; readonly rootfs: string; readonly spec: RuntimeSpec };

/** Reads a bundle. Spec: bundle.md. @throws not-found, invalid */
export function readBundle(directory: string): Bundle {
  const path = join(directory, 'config.json');
  if (!existsSync(path)) {
    throw new EngineError('not-found', `cannot read bundle "${directory}": it has no config.json`, {
      hint: 'gantry runtime spec',
    });
  }
  const spec = parseSpec(readFileSync(path, 'utf8'), path);
  if (spec.root === undefined) throw new EngineError('invalid', `cannot use "${path}": it has no "root"`);
  const rootfs = resolve(directory, spec.root.path);
  if (!existsSync(rootfs)) {
    throw new EngineError('not-found', `cannot use bundle "${directory}": root filesystem "${rootfs}" is missing`);
  }
  return { directory: resolve(directory), rootfs: realpathSync(rootfs), spec };
}

/** The compiler names what is wrong inside; here it only has to be a config.json at all. */
function parseSpec(text: string, path: string): RuntimeSpec {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new EngineError('invalid', `cannot read "${path}": ${messageOf(cause)}`, { cause });
  }
  if (typeof document !== 'object' || document === null || !('ociVersion' in document)) {
    throw new EngineError('invalid', `cannot read "${path}": it has no "ociVersion"`);
  }
  const { ociVersion } = document;
  if (typeof ociVersion !== 'string' || !/^1\./.test(ociVersion)) {
    throw new EngineError('unsupported', `cannot read "${path}": version "${ociVersion}" is not 1.x`);
  }
  return document as RuntimeSpec;
}

/** Where a container's cgroup is: as config.json says, below a directory of ours when that is relative or absent. */
export function cgroupPathOf(spec: RuntimeSpec, id: string): string {
  const given = spec.linux?.cgroupsPath;
  if (given?.includes(':')) {
    throw new EngineError('unsupported', `cannot use cgroup path "${given}": the systemd cgroup driver is not built`);
  }
  const path = given?.startsWith('/') ? given : `/gantry-runtime/${given ?? id}`;
  if (path.split('/').includes('..')) throw new EngineError('invalid', `cannot use cgroup path "${given}"`);
  return path;
}

export type LaunchContext = {
  readonly id: string;
  readonly facts: HostFacts;
  readonly taskDir: string;
  readonly log: CompileContext['shim']['log'];
  readonly ownKeyring: boolean;
};

/** Compiles a bundle's plan. A new network namespace gets its loopback device up, and nothing else. */
export function planBundle(bundle: Bundle, launch: LaunchContext): Plan {
  const { spec } = bundle;
  const ownNetwork = namespaceMode(spec.linux, 'network') === 'new';
  return compile(spec, {
    id: launch.id,
    facts: launch.facts,
    shim: {
      taskDir: launch.taskDir,
      exitRecord: join(launch.taskDir, 'exit'),
      log: launch.log,
      openStdin: launch.log.kind === 'none',
      stdinOnce: true,
    },
    root: { kind: 'path', path: bundle.rootfs },
    cgroupPath: cgroupPathOf(spec, launch.id),
    network: { parentActs: [], childActs: ownNetwork ? loopbackActs() : [] },
    copyUp: [],
    createWorkingDir: true,
    ownKeyring: launch.ownKeyring,
  });
}

/** The cgroup in which that of a container is made; empty at the top. */
export function cgroupParentOf(cgroupPath: string): string {
  const parent = dirname(cgroupPath);
  return parent === '/' ? '' : parent;
}
