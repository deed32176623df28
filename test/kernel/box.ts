import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExitRecord, openNativeProgram } from '@gantry/native';
import type { LinuxSpec, RuntimeProcess, RuntimeSpec } from '@gantry/oci';
import {
  type CompileContext,
  cgroupFiles,
  compile,
  compileExec,
  defaultCapabilities,
  defaultSeccompProfile,
  defaultSpec,
  type ExecProcess,
  ensureCgroupParent,
  type HostFacts,
  probeHostFacts,
  resolveSeccompProfile,
} from '@gantry/runtime';
import { buildNative } from '../../packages/native/build.ts';
import {
  type Attachment,
  attachStreams,
  type ShimControl,
  startShim,
} from '../../packages/runtime/src/command/shim-client.ts';
import { makeRootfs } from './rootfs.ts';

export const facts = probeHostFacts();
await buildNative();
// As the engine does: a sealed copy, so that no test can spoil the file.
const program = (await openNativeProgram()).path;
export const cgroupParent = `/gantry-kernel-${process.pid}`;

/** What all boxes of a test file share, made by the first of them. */
let image: string | undefined;

function sharedImage(): string {
  if (image !== undefined) return image;
  image = makeRootfs();
  return image;
}

export type BoxChange = {
  /** Another host than this one: its cgroups lie elsewhere. */
  readonly host?: HostFacts;
  readonly process?: Partial<RuntimeProcess>;
  readonly linux?: Partial<LinuxSpec>;
  readonly spec?: Partial<RuntimeSpec>;
  readonly context?: Partial<CompileContext>;
  /** Runs in the box's directory before the start: `upper` is what the container's own layer holds. */
  readonly prepare?: (place: { directory: string; upper: string }) => void;
};

export type Finished = { readonly out: string; readonly err: string; readonly record: ExitRecord };

/** A running container. Disposing kills it and proves that nothing of it stayed on the host. */
export type Box = AsyncDisposable & {
  readonly id: string;
  readonly pid: number;
  readonly directory: string;
  readonly cgroup: ReturnType<typeof cgroupFiles>;
  readonly attachment: Attachment;
  readonly control: ShimControl;
  /** What it has written so far. */
  output(): { readonly out: string; readonly err: string };
  finished(): Promise<Finished>;
  /** Runs a second process in it, to its end. */
  exec(args: readonly string[], change?: Partial<ExecProcess>): Promise<Finished>;
};

let count = 0;

/** The document of a default container, as Docker's defaults are, with changes laid over it. */
export function boxSpec(args: readonly string[], change: BoxChange = {}): RuntimeSpec {
  const base = defaultSpec();
  const capabilities = {
    bounding: defaultCapabilities,
    effective: defaultCapabilities,
    permitted: defaultCapabilities,
  };
  return {
    ...base,
    root: { path: '/unused' },
    hostname: 'box',
    ...change.spec,
    process: {
      cwd: '/',
      args,
      env: ['PATH=/bin'],
      user: { uid: 0, gid: 0 },
      capabilities,
      ...change.process,
    },
    linux: {
      ...base.linux,
      seccomp: resolveSeccompProfile(defaultSeccompProfile, facts, defaultCapabilities),
      ...change.linux,
    },
  };
}

/** Starts a container. @throws EngineError with what failed, after proving that nothing stayed */
export async function openBox(args: readonly string[], change: BoxChange = {}): Promise<Box> {
  const id = `box${++count}`;
  const directory = mkdtempSync(join(tmpdir(), 'gantry-box-'));
  for (const part of ['upper', 'work', 'root', 'task']) mkdirSync(join(directory, part));
  change.prepare?.({ directory, upper: join(directory, 'upper') });
  const spec = boxSpec(args, change);
  const cgroupPath = `${cgroupParent}/${id}`;
  const host = change.host ?? facts;
  const lower = sharedImage();
  ensureCgroupParent(host.cgroup, cgroupParent);
  try {
    const plan = compile(spec, {
      id,
      facts: host,
      shim: shimPaths(join(directory, 'task')),
      root: {
        kind: 'overlay',
        cwd: directory,
        lower: [lower],
        upper: 'upper',
        work: 'work',
        target: `${directory}/root`,
      },
      cgroupPath,
      network: { parentActs: [], childActs: [] },
      copyUp: [],
      createWorkingDir: true,
      ...change.context,
    });
    const running = await startPlan(plan);
    return box({ id, directory, spec, running, cgroupPath, host });
  } catch (error) {
    proveGone({ id, directory, cgroupPath, host });
    throw error;
  }
}

/** Starts a container and waits for its end. */
export async function runBox(args: readonly string[], change: BoxChange = {}): Promise<Finished> {
  await using one = await openBox(args, change);
  return await one.finished();
}

/** What a shell line prints inside, without its last newline. */
export async function sh(line: string, change: BoxChange = {}): Promise<string> {
  const { out, err } = await runBox(['sh', '-c', line], change);
  return `${out}${err}`.trimEnd();
}

/** What the probe answers inside. */
export async function probe(question: string, change: BoxChange = {}): Promise<string> {
  const { out, err } = await runBox(['probe', ...question.split(' ')], change);
  return `${out}${err}`.trimEnd();
}

const shimPaths = (taskDir: string) => ({
  taskDir,
  exitRecord: `${taskDir}/exit`,
  log: { kind: 'none' as const },
  openStdin: true,
  stdinOnce: true,
});

type Running = {
  control: ShimControl;
  attachment: Attachment;
  pid: number;
  startTicks: number;
  chunks: [string[], string[]];
};

async function startPlan(plan: Parameters<typeof startShim>[1]): Promise<Running> {
  const control = await startShim(program, plan);
  const created = await control.created.catch(async (error) => {
    await control.gone;
    throw error;
  });
  const chunks: [string[], string[]] = [[], []];
  const decoder = new TextDecoder();
  const attachment = await attachStreams(
    plan.shim.taskDir,
    { terminal: plan.shim.terminal, stdin: true },
    (stream, bytes) => chunks[stream - 1]?.push(decoder.decode(bytes)),
  );
  control.start();
  try {
    await control.started;
  } catch (error) {
    await control.gone;
    throw error;
  }
  return { control, attachment, pid: created.pid, startTicks: created.startTicks, chunks };
}

type Parts = {
  id: string;
  directory: string;
  spec: RuntimeSpec;
  running: Running;
  cgroupPath: string;
  host: HostFacts;
};

function box(parts: Parts): Box {
  const { id, directory, running, cgroupPath, host } = parts;
  const { control, attachment, pid, chunks } = running;
  const output = () => ({ out: chunks[0].join(''), err: chunks[1].join('') });
  const finished = async (): Promise<Finished> => {
    const record = await control.exited;
    await attachment.ended;
    return { ...output(), record };
  };
  return {
    id,
    pid,
    directory,
    cgroup: cgroupFiles(host.cgroup, cgroupPath),
    attachment,
    control,
    output,
    finished,
    exec: (args, change) => execIn(parts, args, change ?? {}),
    [Symbol.asyncDispose]: async () => {
      control.signal(9, true);
      await control.gone;
      control[Symbol.dispose]();
      proveGone({ id, directory, cgroupPath, host });
    },
  };
}

async function execIn(parts: Parts, args: readonly string[], change: Partial<ExecProcess>): Promise<Finished> {
  const taskDir = join(parts.directory, `exec${++count}`);
  mkdirSync(taskDir);
  const { process, linux } = parts.spec;
  const plan = compileExec(
    {
      args,
      env: ['PATH=/bin'],
      cwd: '/',
      user: { spec: '', groups: [] },
      terminal: false,
      capabilities: process?.capabilities ?? {},
      seccomp: linux?.seccomp,
      noNewPrivileges: process?.noNewPrivileges === true,
      rlimits: process?.rlimits ?? [],
      createWorkingDir: false,
      ...change,
    },
    parts.host,
    {
      pid: parts.running.pid,
      startTicks: BigInt(parts.running.startTicks),
      ownPidNamespace: linux?.namespaces?.some(({ type }) => type === 'pid') === true,
      cgroupPath: parts.cgroupPath,
      shim: shimPaths(taskDir),
    },
  );
  const running = await startPlan(plan);
  if (!plan.shim.terminal) running.attachment.endInput();
  const record = await running.control.exited;
  await running.attachment.ended;
  await running.control.gone;
  running.control[Symbol.dispose]();
  return { out: running.chunks[0].join(''), err: running.chunks[1].join(''), record };
}

type Gone = Pick<Parts, 'id' | 'directory' | 'cgroupPath' | 'host'>;

/** @throws Error that names what stayed */
function proveGone({ id, directory, cgroupPath, host }: Gone): void {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  if (mounts.includes(directory)) throw new Error(`${id} left a mount`);
  const left = cgroupFiles(host.cgroup, cgroupPath).directories.filter((path) => existsSync(path));
  if (left.length > 0) throw new Error(`${id} left cgroups: ${left.join(' ')}`);
  if (existsSync(join(directory, 'task/shim.sock'))) throw new Error(`${id} left its socket`);
  rmSync(directory, { recursive: true });
}

/** Takes away what the boxes of a test file shared. Each calls it when it is done. */
export function closeBoxes(): void {
  if (image === undefined) return;
  const layouts =
    facts.cgroup.kind === 'hybrid' ? [facts.cgroup, { kind: 'v2', tree: facts.cgroup.tree } as const] : [facts.cgroup];
  for (const directory of layouts.flatMap((layout) => cgroupFiles(layout, cgroupParent).directories)) {
    if (existsSync(directory)) rmdirSync(directory);
  }
  rmSync(image, { recursive: true });
  image = undefined;
}
