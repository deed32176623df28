import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Act, close, type Plan, type ShimSpec, sealedMemfd } from '@gantry/native';
import { buildNative } from '../../packages/native/build.ts';
import { Orphan, Task } from './task.ts';

export const namespaceFlags = 0x20000n | 0x4000000n | 0x8000000n | 0x20000000n | 0x40000000n;
export const defaultCapabilities = 0xa80425fbn;
const pidsHierarchy = '/sys/fs/cgroup/pids';

/** One directory for a test file: an image made of a static busybox, the program, and everything tasks leave. */
export type Bench = AsyncDisposable & {
  readonly dir: string;
  readonly image: string;
  readonly cgroup: string;
  readonly programPath: string;
  /** How many tasks were started: the next one's directories end in `t<started>`. */
  readonly started: number;
  start(options?: TaskOptions): Task;
  /** A running task whose starter was killed. */
  orphan(options: TaskOptions): Orphan;
};

export type TaskOptions = {
  readonly argv?: readonly string[];
  readonly env?: readonly string[];
  readonly shim?: Partial<ShimSpec>;
  /** Changes the child's acts, to break one or to add some. */
  readonly change?: (acts: Act[]) => Act[];
  readonly changeParent?: (acts: Act[]) => Act[];
  readonly changeBeside?: (acts: Act[]) => Act[];
  readonly rows?: number;
  /** Sent before the program starts, so that it need not wait. */
  readonly startAtOnce?: boolean;
  readonly attached?: readonly Uint8Array[];
};

export async function openBench(): Promise<Bench> {
  const program = sealedMemfd('gantry-native', readFileSync(await buildNative()));
  const dir = mkdtempSync(join(tmpdir(), 'gantry-native-'));
  const image = makeImage(join(dir, 'image'));
  const cgroup = `${pidsHierarchy}/gantry-native-${process.pid}`;
  const tasks: Task[] = [];
  let count = 0;
  const orphans: Orphan[] = [];
  const nextPlan = (options: TaskOptions): Plan => {
    const name = `t${count++}`;
    return planOf({ dir, image, cgroup: `${cgroup}/${name}`, name }, options);
  };
  return {
    dir,
    image,
    cgroup,
    programPath: `/proc/${process.pid}/fd/${program}`,
    get started() {
      return count;
    },
    start: (options = {}) => {
      const task = new Task(program, nextPlan(options), options);
      tasks.push(task);
      return task;
    },
    orphan: (options) => {
      const orphan = new Orphan(nextPlan(options));
      orphans.push(orphan);
      return orphan;
    },
    [Symbol.asyncDispose]: async () => {
      for (const task of [...tasks, ...orphans]) await task[Symbol.asyncDispose]();
      if (existsSync(cgroup)) rmdirs(cgroup);
      close(program);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Cgroup directories go by rmdir alone: their files cannot be unlinked. */
function rmdirs(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) rmdirs(join(path, entry.name));
  rmdirSync(path);
}

const applets =
  'sh true false cat echo sleep id ls stty seq yes head mount env wc grep dd kill pwd stat tty umount readlink hostname printf touch cut';

function makeImage(path: string): string {
  for (const name of ['bin', 'etc', 'tmp', 'data', 'proc', 'sys', 'dev'])
    mkdirSync(join(path, name), { recursive: true });
  copyFileSync('/bin/busybox', join(path, 'bin/busybox'));
  for (const name of applets.split(' ')) {
    symlinkSync('busybox', join(path, 'bin', name));
  }
  writeFileSync(
    join(path, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nana:x:1000:1001::/home/ana:/bin/sh\n1000:x:0:0::/trap:/bin/sh\n',
  );
  writeFileSync(join(path, 'etc/group'), 'root:x:0:\nana:x:1001:\nvideo:x:44:ana\naudio:x:63:other\n');
  writeFileSync(join(path, 'bin/no-exec'), 'x', { mode: 0o644 });
  writeFileSync(join(path, 'bin/no-format'), 'x', { mode: 0o755 });
  return path;
}

type Place = { readonly dir: string; readonly image: string; readonly cgroup: string; readonly name: string };

export function planOf(place: Place, options: TaskOptions): Plan {
  const taskDir = join(place.dir, place.name);
  for (const name of ['', 'upper', 'work', 'root']) mkdirSync(join(taskDir, name), { recursive: true });
  const shim: ShimSpec = {
    taskDir,
    exitRecord: join(taskDir, 'exit'),
    log: { kind: 'json-file', path: join(taskDir, 'log'), maxSizeBytes: 0, maxFiles: 1 },
    terminal: false,
    openStdin: false,
    stdinOnce: false,
    oomFile: '',
    killProcsFile: '',
    ...options.shim,
  };
  const parent: Act[] = [{ verb: 'clone', flags: namespaceFlags, cgroup: undefined }];
  const beside: Act[] = [{ verb: 'cgroupMake', path: place.cgroup, mode: 0o755 }];
  const child = childActs(place, options);
  return {
    shim,
    parent: options.changeParent?.(parent) ?? parent,
    beside: options.changeBeside?.(beside) ?? beside,
    child: options.change?.(child) ?? child,
  };
}

const device = (path: string, minor: number): Act => ({
  verb: 'mknod',
  root: 1,
  path,
  mode: 0o20666,
  major: 1,
  minor,
  uid: 0,
  gid: 0,
});

function childActs(place: Place, options: TaskOptions): Act[] {
  const taskDir = join(place.dir, place.name);
  const fs = (target: string, fstype: string, args: { attrs: bigint; options?: readonly string[] }): Act => ({
    verb: 'mountFs',
    root: 1,
    target,
    fstype,
    source: fstype,
    attrs: args.attrs,
    options: args.options ?? [],
  });
  const console: Act[] =
    options.shim?.terminal === true
      ? [{ verb: 'console', root: 1, rows: options.rows ?? 24, columns: 80, bind: 1 }]
      : [];
  return [
    { verb: 'awaitBeside' },
    { verb: 'cgroupJoin', path: `${place.cgroup}/tasks` },
    { verb: 'unshare', flags: 0x2000000 },
    { verb: 'setsid' },
    { verb: 'hostname', name: 'box' },
    { verb: 'propagation', path: '/', flags: 0x44000n },
    {
      verb: 'mountHost',
      cwd: place.dir,
      source: 'overlay',
      target: join(taskDir, 'root'),
      fstype: 'overlay',
      flags: 0n,
      data: `lowerdir=image,upperdir=${place.name}/upper,workdir=${place.name}/work`,
    },
    { verb: 'root', path: join(taskDir, 'root'), reg: 1 },
    fs('/proc', 'proc', { attrs: 0xen }),
    fs('/dev', 'tmpfs', { attrs: 2n, options: ['mode=755', 'size=65536k'] }),
    fs('/dev/pts', 'devpts', { attrs: 0xan, options: ['newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'] }),
    fs('/sys', 'sysfs', { attrs: 0xfn }),
    fs('/dev/mqueue', 'mqueue', { attrs: 0xen }),
    fs('/dev/shm', 'tmpfs', { attrs: 0xen, options: ['mode=1777', 'size=65536k'] }),
    device('/dev/null', 3),
    device('/dev/zero', 5),
    { verb: 'symlink', root: 1, path: '/dev/ptmx', target: 'pts/ptmx' },
    { verb: 'symlink', root: 1, path: '/dev/stdout', target: '/proc/self/fd/1' },
    ...console,
    { verb: 'maskPath', root: 1, path: '/proc/kcore' },
    { verb: 'maskPath', root: 1, path: '/proc/acpi' },
    { verb: 'maskPath', root: 1, path: '/sys/firmware' },
    { verb: 'readonlyPath', root: 1, path: '/proc/sys' },
    { verb: 'pivotRoot', root: 1 },
    { verb: 'rlimit', resource: 7, soft: 1024n, hard: 4096n },
    { verb: 'boundingSet', mask: defaultCapabilities },
    { verb: 'user', uid: 0, gid: 0, groups: new Uint8Array() },
    {
      verb: 'capabilities',
      effective: defaultCapabilities,
      permitted: defaultCapabilities,
      inheritable: 0n,
      ambient: 0n,
    },
    { verb: 'noNewPrivileges' },
    { verb: 'chdir', path: '/', create: 0 },
    { verb: 'ready' },
    { verb: 'exec', argv: options.argv ?? ['true'], env: options.env ?? ['PATH=/bin'] },
  ];
}

/** Replaces the one act of a verb. */
export const replaced =
  (act: Act) =>
  (acts: Act[]): Act[] =>
    acts.map((other) => (other.verb === act.verb ? act : other));

/** Puts acts in before the first one of a verb. */
export const before =
  (verb: Act['verb'], ...added: Act[]) =>
  (acts: Act[]): Act[] => {
    const at = acts.findIndex((act) => act.verb === verb);
    return [...acts.slice(0, at), ...added, ...acts.slice(at)];
  };

/** What a machine holds that a task could leak. */
export function hostState(bench: Bench): { mounts: number; cgroups: string[]; shims: number } {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(bench.dir)).length;
  const cgroups = existsSync(bench.cgroup)
    ? readdirSync(bench.cgroup, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name)
    : [];
  const shims = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && cwdOf(pid).startsWith(bench.dir)).length;
  return { mounts, cgroups, shims };
}

function cwdOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}
