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
import {
  type Act,
  close,
  connect,
  encodeAttach,
  encodeFrame,
  encodePlan,
  epollControl,
  epollCreate,
  epollWait,
  type Frame,
  FrameDecoder,
  frameType,
  kill,
  open,
  openFlag,
  type Plan,
  parseExitRecord,
  pollEvent,
  recv,
  type ShimSpec,
  sealedMemfd,
  sendto,
  shutdown,
  socket,
  socketFamily,
  socketPair,
  socketType,
} from '@gantry/native';
import { buildNative } from '../../packages/native/build.ts';

export const namespaceFlags = 0x20000n | 0x4000000n | 0x8000000n | 0x20000000n | 0x40000000n;
export const defaultCapabilities = 0xa80425fbn;
const everyCapability = 2n ** 64n - 1n;
const pidsHierarchy = '/sys/fs/cgroup/pids';

/** One directory for a test file: an image made of a static busybox, the program, and everything tasks leave. */
export type Bench = AsyncDisposable & {
  readonly dir: string;
  readonly image: string;
  readonly cgroup: string;
  start(options?: TaskOptions): Task;
};

export type TaskOptions = {
  readonly argv?: readonly string[];
  readonly env?: readonly string[];
  readonly shim?: Partial<ShimSpec>;
  /** Changes the child's acts, to break one or to add some. */
  readonly change?: (acts: Act[]) => Act[];
  readonly changeParent?: (acts: Act[]) => Act[];
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
  return {
    dir,
    image,
    cgroup,
    start: (options = {}) => {
      const name = `t${count++}`;
      const task = new Task(program, planOf({ dir, image, cgroup: `${cgroup}/${name}`, name }, options), options);
      tasks.push(task);
      return task;
    },
    [Symbol.asyncDispose]: async () => {
      for (const task of tasks) await task[Symbol.asyncDispose]();
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

function makeImage(path: string): string {
  for (const name of ['bin', 'etc', 'tmp', 'data', 'proc', 'sys', 'dev'])
    mkdirSync(join(path, name), { recursive: true });
  copyFileSync('/bin/busybox', join(path, 'bin/busybox'));
  for (const name of [
    'sh',
    'true',
    'false',
    'cat',
    'echo',
    'sleep',
    'id',
    'ls',
    'stty',
    'seq',
    'yes',
    'head',
    'mount',
    'env',
    'wc',
    'grep',
    'dd',
    'kill',
    'pwd',
    'stat',
    'tty',
  ]) {
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
  const parent: Act[] = [
    { verb: 'cgroupMake', path: place.cgroup, mode: 0o755 },
    { verb: 'open', path: `${place.cgroup}/tasks`, flags: openFlag.writeOnly, reg: 0 },
    { verb: 'clone', flags: namespaceFlags, cgroup: undefined },
  ];
  const child = childActs(place, taskDir, options, shim.terminal);
  return { shim, parent: options.changeParent?.(parent) ?? parent, child: options.change?.(child) ?? child };
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

function childActs(place: Place, taskDir: string, options: TaskOptions, terminal: boolean): Act[] {
  const fs = (target: string, fstype: string, args: { attrs: bigint; options?: readonly string[] }): Act => ({
    verb: 'mountFs',
    root: 1,
    target,
    fstype,
    source: fstype,
    attrs: args.attrs,
    options: args.options ?? [],
  });
  const console: Act[] = terminal ? [{ verb: 'console', root: 1, rows: options.rows ?? 24, columns: 80, bind: 1 }] : [];
  return [
    { verb: 'cgroupJoin', reg: 0 },
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

/** A connection to a shim, read synchronously: the shim is another process, so a test may simply wait. */
export class Connection implements Disposable {
  readonly fd: number;
  readonly #decoder = new FrameDecoder();
  readonly #epoll = epollCreate();
  readonly frames: Frame[] = [];
  ended = false;

  constructor(fd: number) {
    this.fd = fd;
    epollControl(this.#epoll, 'add', { fd, events: pollEvent.in | pollEvent.hangup });
  }

  send(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const sent = sendto(this.fd, bytes.subarray(done));
      if (sent < 0) throw new Error(`send: errno ${-sent}`);
      done += sent;
    }
  }

  endInput(): void {
    shutdown(this.fd, 'write');
  }

  /** Raw bytes, empty at the end of the stream. */
  readRaw(timeoutMs = 10_000): Uint8Array {
    if (epollWait(this.#epoll, timeoutMs).length === 0) throw new Error('nothing came in time');
    const bytes = new Uint8Array(65536);
    const length = recv(this.fd, bytes);
    if (length <= 0) this.ended = true;
    if (length < 0) throw new Error(`receive: errno ${-length}`);
    return bytes.subarray(0, length);
  }

  /** Tells whether nothing comes for a moment. */
  isQuiet(milliseconds: number): boolean {
    return epollWait(this.#epoll, milliseconds).length === 0;
  }

  /** Waits for a frame of one of the types and returns it as JSON. */
  wait(...types: readonly number[]): { type: number; record: Record<string, unknown> } {
    for (;;) {
      const at = this.frames.findIndex((frame) => types.includes(frame.type));
      const found = this.frames[at];
      if (found !== undefined) {
        this.frames.splice(at, 1);
        return { type: found.type, record: JSON.parse(new TextDecoder().decode(found.payload)) };
      }
      if (this.ended) throw new Error(`the shim ended without a frame of type ${types}; it said ${show(this.frames)}`);
      this.frames.push(...this.#decoder.push(this.readRaw()));
    }
  }

  /** Everything of one stream up to its end. */
  output(type: number = frameType.stdout): string {
    while (!this.ended) this.frames.push(...this.#decoder.push(this.readRaw()));
    const parts = this.frames.filter((frame) => frame.type === type).map((frame) => frame.payload);
    return new TextDecoder().decode(Buffer.concat(parts));
  }

  /** Reads on until the stream's text holds what is waited for. */
  outputUntil(text: string, type: number = frameType.stdout): string {
    for (;;) {
      const parts = this.frames.filter((frame) => frame.type === type).map((frame) => frame.payload);
      const seen = new TextDecoder().decode(Buffer.concat(parts));
      if (seen.includes(text) || this.ended) return seen;
      this.frames.push(...this.#decoder.push(this.readRaw()));
    }
  }

  /** Reads a terminal until its text holds what is waited for. */
  rawUntil(text: string): string {
    let seen = '';
    while (!seen.includes(text) && !this.ended) seen += new TextDecoder().decode(this.readRaw());
    return seen;
  }

  [Symbol.dispose](): void {
    close(this.#epoll);
    close(this.fd);
  }
}

const show = (frames: readonly Frame[]): string =>
  frames.map((frame) => `${frame.type}:${new TextDecoder().decode(frame.payload)}`).join(' ');

export class Task implements AsyncDisposable {
  readonly plan: Plan;
  readonly control: Connection;
  readonly handed: Connection[];
  readonly process: Bun.Subprocess;
  pid = 0;

  constructor(program: number, plan: Plan, options: TaskOptions = {}) {
    this.plan = plan;
    const planFd = sealedMemfd('plan', encodePlan(plan));
    const pairs = [undefined, ...(options.attached ?? [])].map((first) => {
      const [ours, theirs] = socketPair(socketType.stream);
      if (first !== undefined) sendto(ours, first);
      return { ours, theirs };
    });
    const [control, ...attached] = pairs;
    if (control === undefined) throw new Error('unreachable: no control connection');
    if (options.startAtOnce === true) sendto(control.ours, encodeFrame(frameType.start));
    this.process = Bun.spawn([`/proc/self/fd/${program}`, ...(attached.length > 0 ? [String(attached.length)] : [])], {
      argv0: 'gantry-shim',
      cwd: '/',
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', planFd, control.theirs, ...attached.map((pair) => pair.theirs)],
    });
    close(planFd);
    for (const pair of pairs) close(pair.theirs);
    this.control = new Connection(control.ours);
    this.handed = attached.map((pair) => new Connection(pair.ours));
  }

  start(): this {
    this.pid = Number(this.control.wait(frameType.created).record['pid']);
    this.control.send(encodeFrame(frameType.start));
    this.control.wait(frameType.started);
    return this;
  }

  connect(first: Uint8Array): Connection {
    const dir = open(this.plan.shim.taskDir, openFlag.path);
    const path = new TextEncoder().encode(`/proc/self/fd/${dir}/shim.sock`);
    const address = new Uint8Array(2 + path.length + 1);
    address[0] = socketFamily.unix;
    address.set(path, 2);
    const fd = socket(socketFamily.unix, socketType.stream);
    connect(fd, address);
    close(dir);
    const connection = new Connection(fd);
    connection.send(first);
    return connection;
  }

  attach(stdin = false): Connection {
    const connection = this.connect(encodeAttach({ stdin, stdout: true, stderr: true }));
    // Answered only after the shim has read the attach frame, which came first.
    using probe = this.connect(encodeFrame(frameType.control));
    probe.wait(frameType.status);
    return connection;
  }

  exit(): ReturnType<typeof parseExitRecord> {
    this.control.wait(frameType.exited);
    return parseExitRecord(readFileSync(this.plan.shim.exitRecord, 'utf8'));
  }

  /** Starts, runs to the end, and gives exit record and log. */
  run(): { exitCode: number; log: string } {
    const { exitCode } = this.start().exit();
    return { exitCode, log: this.logText() };
  }

  logText(): string {
    const { log } = this.plan.shim;
    if (log.kind === 'none') return '';
    const lines = readFileSync(log.path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line).log).join('');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.pid > 0 && this.process.exitCode === null) {
      try {
        kill(this.pid, 9);
      } catch {
        // It has ended.
      }
    }
    await this.process.exited;
    this.control[Symbol.dispose]();
    for (const connection of this.handed) connection[Symbol.dispose]();
  }
}

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
